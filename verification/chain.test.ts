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

test('accepts an unaltered chain', () => {
  expect(checkChain(sampleStream(), KEY)).toEqual([]);
});

test('reports a change of any single character of any row', () => {
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

test('reports reordered, missing and repeated rows', () => {
  const { stream, rows, head } = sampleStream();
  const original = rows.map(({ seq }) => seq).join();
  const selections = fc.array(fc.nat(rows.length - 1), { maxLength: 2 * rows.length });
  fc.assert(
    fc.property(selections, (picked) => {
      const selected = picked.map((i) => rows[i] as LogRow);
      fc.pre(selected.map(({ seq }) => seq).join() !== original);
      expect(codes({ stream, rows: selected, head })).toEqual(['chain_broken']);
    }),
  );
});

test('reports an event that was hashed with the key on another history', () => {
  const { stream, rows } = sampleStream();
  const last = { ...(rows.at(-1) as LogRow), prevHash: GENESIS.hash };
  const upon = { ...last, hash: computeLinkHash(KEY, last) };
  const head = { seq: upon.seq, hash: upon.hash };
  expect(codes({ stream, rows: [...rows.slice(0, -1), upon], head })).toEqual(['chain_broken']);
});

test('reports any different head', () => {
  const { stream, rows, head } = sampleStream();
  const heads = [undefined, GENESIS, { ...head!, seq: 4 }, { ...head!, hash: GENESIS.hash }];
  for (const other of heads) expect(codes({ stream, rows, head: other })).toEqual(['chain_broken']);
});

test('reports a consistent chain that was hashed with another key', () => {
  expect(codes(sampleStream(Buffer.alloc(32, 8)))).toEqual(['chain_broken']);
});

describe('anchors in the workflow history', () => {
  const { stream, rows, head } = sampleStream();
  const anchors = (...seqs: number[]) =>
    new Map(seqs.map((seq) => [seq, rows.find((row) => row.seq === seq)?.hash ?? 'unknown']));
  const checkCodes = (remaining: LogRow[], recorded: Map<number, string>) =>
    checkAnchors({ stream, rows: remaining, head }, recorded).map(({ check }) => check);

  test('match the log', () => {
    expect(checkCodes(rows, anchors(1, 3))).toEqual([]);
  });

  test('reveal a truncated log', () => {
    expect(checkCodes(rows.slice(0, 2), anchors(1, 3))).toEqual(['log_incomplete']);
  });

  test('reveal a rewritten log', () => {
    expect(checkCodes(rows, new Map([...anchors(1), [3, GENESIS.hash]]))).toEqual(['anchor_mismatch']);
  });

  test('reveal appended events', () => {
    expect(checkCodes(rows, anchors(1, 2))).toEqual(['anchor_mismatch']);
  });
});
