import fc from 'fast-check';
import { computeLinkHash, GENESIS, type LogRow } from '../db/events/event-log';
import { orderCancelled, orderConfirmed, orderCreated } from '../domain/orders/order-events';
import { TOPICS, toCloudEvent } from '../domain/shared/events';
import { newOrder } from '../tests/database/orders/sample-orders';
import { checkAnchors, checkChain, type StoredStream } from './chain';

const KEY = Buffer.alloc(32, 7);

/** The chain of an order as it is written. */
function sampleStream(key = KEY): StoredStream {
  let before = GENESIS;
  const order = newOrder();
  const rows = [orderCreated(order, { kind: 'guest' }), orderConfirmed(order), orderCancelled(order)].map(
    (event, i): LogRow => {
      const body = JSON.stringify(toCloudEvent(event));
      const link = { stream: event.stream, seq: i + 1, prevHash: before.hash, body };
      before = { seq: link.seq, hash: computeLinkHash(key, link) };
      const { key: eventKey, type, subject } = event;
      return { id: i + 1, eventKey, type, topic: TOPICS[type], subject, ...link, hash: before.hash };
    },
  );
  return { stream: order.id, rows, head: before };
}

const codes = (stream: StoredStream) => [...new Set(checkChain(stream, KEY).map(({ check }) => check))];

test('a chain as it was written is whole', () => {
  expect(checkChain(sampleStream(), KEY)).toEqual([]);
});

test('any change of a single character of any row is found', () => {
  const { stream, rows, head } = sampleStream();
  const fields = ['eventKey', 'stream', 'type', 'topic', 'subject', 'body', 'prevHash', 'hash'] as const;
  const place = fc
    .record({ row: fc.nat(rows.length - 1), field: fc.constantFrom(...fields) })
    .chain(({ row, field }) =>
      fc.record({
        row: fc.constant(row),
        field: fc.constant(field),
        at: fc.nat((rows[row] as LogRow)[field].length - 1),
        by: fc.integer({ min: 1, max: 255 }),
      }),
    );
  fc.assert(
    fc.property(place, ({ row, field, at, by }) => {
      const altered = rows.map((r, i) => (i === row ? { ...r, [field]: flip(r[field], at, by) } : r));
      expect(codes({ stream, rows: altered, head })).toEqual(['chain_broken']);
    }),
    { numRuns: 2_000 },
  );
});

const flip = (text: string, at: number, by: number): string =>
  text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ by) + text.slice(at + 1);

test('any other order, loss or repetition of rows is found', () => {
  const { stream, rows, head } = sampleStream();
  const whole = rows.map(({ seq }) => seq).join();
  const selections = fc.array(fc.nat(rows.length - 1), { maxLength: 2 * rows.length });
  fc.assert(
    fc.property(selections, (picked) => {
      const selected = picked.map((i) => rows[i] as LogRow);
      fc.pre(selected.map(({ seq }) => seq).join() !== whole);
      expect(codes({ stream, rows: selected, head })).toEqual(['chain_broken']);
    }),
  );
});

test('an event written with the key upon another past is found', () => {
  const { stream, rows } = sampleStream();
  const last = { ...(rows.at(-1) as LogRow), prevHash: GENESIS.hash };
  const upon = { ...last, hash: computeLinkHash(KEY, last) };
  const head = { seq: upon.seq, hash: upon.hash };
  expect(codes({ stream, rows: [...rows.slice(0, -1), upon], head })).toEqual(['chain_broken']);
});

test('any other head is found', () => {
  const { stream, rows, head } = sampleStream();
  const heads = [undefined, GENESIS, { ...head!, seq: 4 }, { ...head!, hash: GENESIS.hash }];
  for (const other of heads) expect(codes({ stream, rows, head: other })).toEqual(['chain_broken']);
});

test('a chain that was written with another key is found, however right it looks', () => {
  expect(codes(sampleStream(Buffer.alloc(32, 8)))).toEqual(['chain_broken']);
});

describe('what the history was told', () => {
  const { stream, rows, head } = sampleStream();
  const anchors = (...seqs: number[]) =>
    new Map(seqs.map((seq) => [seq, rows.find((row) => row.seq === seq)?.hash ?? 'unknown']));
  const codesOf = (left: LogRow[], told: Map<number, string>) =>
    checkAnchors({ stream, rows: left, head }, told).map(({ check }) => check);

  test('agrees with the log', () => {
    expect(codesOf(rows, anchors(1, 3))).toEqual([]);
  });

  test('is missed in a log that was cut off', () => {
    expect(codesOf(rows.slice(0, 2), anchors(1, 3))).toEqual(['log_incomplete']);
  });

  test('differs from a log that was written again', () => {
    expect(codesOf(rows, new Map([...anchors(1), [3, GENESIS.hash]]))).toEqual(['anchor_mismatch']);
  });

  test('does not cover what was added later', () => {
    expect(codesOf(rows, anchors(1, 2))).toEqual(['anchor_mismatch']);
  });
});
