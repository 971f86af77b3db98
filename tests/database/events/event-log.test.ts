import { isDuplicate, type Tx } from '../../../db/core/connect';
import { select } from '../../../db/core/sql';
import {
  computeLinkHash,
  EventKeyConflictError,
  GENESIS,
  type LogRow,
  type StreamHead,
} from '../../../db/events/event-log';
import type { LedgerEntry } from '../../../domain/payments/payment-ledger';
import type { DomainEvent } from '../../../domain/shared/events';
import { eventKey } from '../../../domain/shared/ids';
import { newOrderId } from '../../../services/shared/new-ids';
import { createTestStore, DIALECTS, TEST_AUDIT_KEY, type TestStore } from '../../harness/servers/databases';
import { queryRows } from '../orders/sample-orders';

const buildEvent = (
  stream: string,
  step: string,
  data: Record<string, unknown> = {},
  subject = stream,
): DomainEvent => ({
  key: eventKey(stream, step),
  type: 'OrderAttentionRequired',
  stream,
  subject,
  actor: { kind: 'system' },
  atMs: Date.now(),
  data,
});

const newStream = () => newOrderId(Date.now());

const getErrorMessage = (error: unknown): string => (error as Error).message;

describe.each(DIALECTS)('event log on %s', (dialect) => {
  let shop: TestStore;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
  });
  afterAll(() => shop.close());

  const append = (...events: DomainEvent[]): Promise<StreamHead> =>
    shop.db.write(async (tx) => {
      const { log } = shop.store;
      const head = await log.lockHead(events[0]?.stream ?? '', tx);
      return log.append(head, await log.filterUnrecorded(events, tx), tx);
    });

  const rowsOfStream = (stream: string): Promise<LogRow[]> =>
    select<LogRow>(
      shop.db,
      `SELECT stream, seq, event_key AS eventKey, body, prev_hash AS prevHash, hash FROM events
       WHERE stream = :stream ORDER BY seq`,
      { stream },
    );

  /** Asserts that each row continues the previous one, from the start of the stream to its stored head. */
  async function assertChain(stream: string): Promise<LogRow[]> {
    const rows = await rowsOfStream(stream);
    let previous = GENESIS;
    for (const row of rows) {
      expect(row).toMatchObject({ seq: previous.seq + 1, prevHash: previous.hash });
      expect(row.hash).toBe(computeLinkHash(TEST_AUDIT_KEY, row));
      previous = { seq: row.seq, hash: row.hash };
    }
    const head = await shop.db.write((tx) => shop.store.log.lockHead(stream, tx));
    expect(head).toEqual(previous);
    return rows;
  }

  test('appended events form a chain of keyed hashes over the stored bytes', async () => {
    const stream = newStream();
    await append(buildEvent(stream, 'a', { text: 'ß "quoted" \\ 🦊 \u0000 end' }), buildEvent(stream, 'b'));
    const head = await append(buildEvent(stream, 'c', { n: 1.5 }));
    const rows = await assertChain(stream);
    expect(rows.map((r) => r.eventKey)).toEqual(['a', 'b', 'c'].map((step) => eventKey(stream, step)));
    expect(rows[0]?.prevHash).toBe('0'.repeat(64));
    expect(head).toEqual({ seq: 3, hash: rows[2]?.hash });
    expect(JSON.parse(rows[0]?.body ?? '').data).toEqual({ text: 'ß "quoted" \\ 🦊 \u0000 end' });
    expect(computeLinkHash(Buffer.alloc(32, 8), rows[0] as LogRow)).not.toBe(rows[0]?.hash);
  });

  test('the same event again adds no row, even with another time and field order', async () => {
    const stream = newStream();
    const first = await append(buildEvent(stream, 'a', { x: 1, y: [{ p: 1, q: 2 }] }));
    const repeated = { ...buildEvent(stream, 'a', { y: [{ q: 2, p: 1 }], x: 1 }), atMs: 1 };
    expect(await append(repeated)).toEqual(first);
    expect(await rowsOfStream(stream)).toHaveLength(1);
  });

  test('the same key with another body or type is a conflict and rolls back the transaction', async () => {
    const stream = newStream();
    await append(buildEvent(stream, 'a', { x: 1 }));
    await expect(append(buildEvent(stream, 'new'), buildEvent(stream, 'a', { x: 2 }))).rejects.toThrow(
      EventKeyConflictError,
    );
    await expect(
      append({ ...buildEvent(stream, 'a', { x: 1 }), type: 'OrderAttentionResolved' }),
    ).rejects.toThrow(EventKeyConflictError);
    expect(await rowsOfStream(stream)).toHaveLength(1);
  });

  test('appending a recorded key fails and rolls back the transaction', async () => {
    const { db, store } = shop;
    const [recorded, other] = [newStream(), newStream()];
    await append(buildEvent(recorded, 'a'));
    const attempt = db.write(async (tx) =>
      store.log.append(
        await store.log.lockHead(other, tx),
        [buildEvent(other, 'b'), { ...buildEvent(other, 'c'), key: eventKey(recorded, 'a') }],
        tx,
      ),
    );
    await expect(attempt.catch((error: unknown) => isDuplicate(error))).resolves.toBe(true);
    expect(await rowsOfStream(other)).toEqual([]);
  });

  test('concurrent appends to one stream form one chain', async () => {
    const stream = newStream();
    await append(buildEvent(stream, 'first'));
    await Promise.all(Array.from({ length: 30 }, (_, i) => append(buildEvent(stream, `s${i}`))));
    expect(await assertChain(stream)).toHaveLength(31);
  });

  test('concurrent first appends to one stream form one chain of those that succeed', async () => {
    const stream = newStream();
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => append(buildEvent(stream, `s${i}`))),
    );
    for (const r of results) if (r.status === 'rejected') expect(isDuplicate(r.reason)).toBe(true);
    const succeeded = results.filter((r) => r.status === 'fulfilled').length;
    expect(succeeded).toBeGreaterThan(0);
    expect(await assertChain(stream)).toHaveLength(succeeded);
  });

  test('returns the events of an order from all streams, oldest first', async () => {
    const [order, other, elsewhere] = [newStream(), newStream(), `ret_${newStream()}`];
    await append(buildEvent(order, 'a'));
    await append(buildEvent(other, 'a'));
    await append(buildEvent(elsewhere, 'b', {}, order));
    await append(buildEvent(order, 'c'));
    expect((await shop.store.log.findByOrder(order)).map((r) => r.eventKey)).toEqual([
      eventKey(order, 'a'),
      eventKey(elsewhere, 'b'),
      eventKey(order, 'c'),
    ]);
  });

  describe('append-only tables', () => {
    const entry: LedgerEntry = {
      key: 'ord_x:pay:1:captured',
      orderId: 'ord_x',
      kind: 'captured',
      amountMinor: 100,
      currency: 'EUR',
      provider: 'stripe',
      intentId: 'pi_x',
      declineCode: null,
    };
    const snapshot = async () => [
      await queryRows(shop.db, 'SELECT * FROM events ORDER BY id'),
      await queryRows(shop.db, 'SELECT * FROM payment_ledger ORDER BY entry_key'),
    ];
    beforeAll(async () => {
      await append(buildEvent('ord_x', 'a'), buildEvent('ord_x', 'b'));
      await shop.db.write((tx) => shop.store.ledger.add([entry], 1, tx));
    });

    const EVENT_COLUMNS = 'event_key, stream, seq, type, topic, subject, body, prev_hash, hash';
    const LEDGER_COLUMNS =
      'entry_key, order_id, kind, amount_minor, currency, provider, intent_id, decline_code, recorded_at_ms';
    const forbiddenStatements = [
      "UPDATE events SET body = 'forged' WHERE event_key = 'ord_x:a'",
      'UPDATE events SET seq = seq + 10',
      "DELETE FROM events WHERE event_key = 'ord_x:b'",
      'DELETE FROM events',
      `REPLACE INTO events (${EVENT_COLUMNS})
       SELECT event_key, stream, seq, type, topic, subject, 'forged', prev_hash, hash FROM events
       WHERE event_key = 'ord_x:a'`,
      "UPDATE payment_ledger SET amount_minor = 1 WHERE entry_key = 'ord_x:pay:1:captured'",
      "DELETE FROM payment_ledger WHERE entry_key = 'ord_x:pay:1:captured'",
      `REPLACE INTO payment_ledger (${LEDGER_COLUMNS})
       SELECT entry_key, order_id, kind, 1, currency, provider, intent_id, decline_code, recorded_at_ms
       FROM payment_ledger`,
      dialect === 'mysql'
        ? `INSERT INTO payment_ledger SELECT * FROM payment_ledger l ON DUPLICATE KEY UPDATE amount_minor = 1`
        : `INSERT INTO payment_ledger SELECT * FROM payment_ledger WHERE 1 ON CONFLICT DO UPDATE SET amount_minor = 1`,
    ];
    test.each(forbiddenStatements)('the database rejects %s', async (sql) => {
      const before = await snapshot();
      const run = (tx?: Tx) => shop.db.send(sql, [], tx).catch(getErrorMessage);
      expect(await run()).toContain('is append-only');
      expect(await shop.db.write(run)).toContain('is append-only');
      expect(await snapshot()).toEqual(before);
    });

    test('a repeated ledger entry changes nothing, and one with other contents is rejected', async () => {
      const { db, store } = shop;
      const before = await snapshot();
      await db.write((tx) => store.ledger.add([entry], 2, tx));
      await expect(
        db.write((tx) =>
          store.ledger.add(
            [
              { ...entry, key: 'ord_x:new' },
              { ...entry, amountMinor: 1 },
            ],
            2,
            tx,
          ),
        ),
      ).rejects.toThrow('ord_x:pay:1:captured is in the payment ledger with other contents');
      expect(await snapshot()).toEqual(before);
    });
  });
});
