import fc from 'fast-check';
import * as ids from './ids';

const LATEST_MS = 2 ** 48 - 1;
const timeMs = fc.integer({ min: 0, max: LATEST_MS });
const randomPart = fc.string({
  unit: fc.constantFrom(...'0123456789ABCDEFGHJKMNPQRSTVWXYZ'),
  minLength: 16,
  maxLength: 16,
});

describe('minOrderIdAt', () => {
  test('returns an order id with that millisecond', () => {
    fc.assert(
      fc.property(timeMs, (ms) => {
        expect(ids.isOrderId(ids.minOrderIdAt(ms))).toBe(true);
        expect(ids.getOrderIdTimeMs(ids.minOrderIdAt(ms))).toBe(ms);
      }),
    );
  });

  test('sorts by time', () => {
    fc.assert(
      fc.property(timeMs, timeMs, (a, b) => {
        expect(ids.minOrderIdAt(a) < ids.minOrderIdAt(b)).toBe(a < b);
      }),
    );
  });

  test('bounds all ids of that millisecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LATEST_MS - 1 }), randomPart, (ms, random) => {
        const id = ids.minOrderIdAt(ms).slice(0, 14) + random;
        expect(ids.getOrderIdTimeMs(id)).toBe(ms);
        expect(ids.minOrderIdAt(ms) <= id && id < ids.minOrderIdAt(ms + 1)).toBe(true);
      }),
    );
  });

  test('rounds fractions up and clamps times out of range', () => {
    expect(ids.minOrderIdAt(1000.2)).toBe(ids.minOrderIdAt(1001));
    expect(ids.minOrderIdAt(-5)).toBe(`ord_${'0'.repeat(26)}`);
    expect(ids.minOrderIdAt(Number.MAX_SAFE_INTEGER)).toBe(ids.minOrderIdAt(LATEST_MS));
  });

  test("matches the ULID specification's example", () => {
    expect(ids.getOrderIdTimeMs('ord_01ARYZ6S41TSV4RRFFQ69G5FAV')).toBe(1_469_918_176_385);
  });
});

test.each([
  '01ARYZ6S41TSV4RRFFQ69G5FAV',
  'ord_01ARYZ6S41TSV4RRFFQ69G5FA',
  'ord_01ARYZ6S41TSV4RRFFQ69G5FAVX',
  'ord_01aryz6s41tsv4rrffq69g5fav',
  'ord_01ARYZ6S41TSV4RRFFQ69G5FAI',
  'cus_01ARYZ6S41TSV4RRFFQ69G5FAV',
])('rejects %s as an order id', (value) => {
  expect(ids.isOrderId(value)).toBe(false);
});

test('builds distinct keys for distinct effects', () => {
  const order = ids.orderId('01ARYZ6S41TSV4RRFFQ69G5FAV');
  const keys = [
    ids.eventKey(order, 'placed'),
    ids.eventKey(order, 'confirmed'),
    ids.paymentAttemptKey(order, 1),
    ids.paymentAttemptKey(order, 2),
    ids.refundKey(order, 'cancel'),
    ids.reservationId(order, 1, 'BER'),
    ids.reservationId(order, 1, 'RTM'),
    ids.reservationId(order, 2, 'BER'),
  ];
  expect(new Set(keys).size).toBe(keys.length);
  for (const key of keys) expect(key.startsWith(`${order}:`)).toBe(true);
});
