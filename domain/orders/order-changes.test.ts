import fc from 'fast-check';
import { DEFAULT_PRICE_RULES } from '../pricing/price-rules';
import { priceCart } from '../pricing/pricing';
import * as change from './order-changes';

const cart = priceCart(
  [
    {
      sku: 'walnut-desk',
      name: 'Walnut desk',
      quantity: 1,
      unitPriceMinor: 41_900,
      currency: 'EUR',
      taxClass: 'standard',
      weightGrams: 1,
    },
  ],
  { country: 'DE' },
  DEFAULT_PRICE_RULES,
);
const placed = change.placeOrder(cart, { id: 'ord_1', customerId: 'cus_1', placedAtMs: 1 });
const request = change.parseCancelRequest({ reason: 'changed my mind' }, 2);

test('increments the version and does not mutate the previous order', () => {
  const confirmed = change.confirmOrder(placed, 5);
  expect(confirmed).toMatchObject({ status: 'confirmed', version: 2, updatedAtMs: 5 });
  expect(placed).toMatchObject({ status: 'placed', payment: 'pending', version: 1, updatedAtMs: 1 });
});

test('rejects changes of a closed order', () => {
  const rejected = change.rejectNewOrder(placed, change.outOfStockRejection([]));
  expect(rejected.payment).toBe('none');
  expect(() => change.confirmOrder(rejected, 4)).toThrow('rejected to confirmed');
  expect(() => change.startCancellation(rejected, request, 4)).toThrow();
});

test('the payment status follows from the ledger and the status of the changed order', () => {
  const captured = [{ kind: 'captured' as const, amountMinor: placed.totalMinor }];
  const reversed = [...captured, { kind: 'refunded' as const, amountMinor: placed.totalMinor }];
  const cancelling = change.startCancellation(placed, request, 3);
  const cancelled = change.finishCancellation(change.recordPaymentReversal(cancelling, 4), 5);
  expect(change.withPaymentStatus(cancelling, []).payment).toBe('pending');
  expect(change.withPaymentStatus(cancelled, []).payment).toBe('none');
  expect(change.withPaymentStatus(change.confirmOrder(placed, 3), captured).payment).toBe('paid');
  expect(change.withPaymentStatus(cancelling, captured).payment).toBe('refund_pending');
  expect(change.withPaymentStatus(cancelled, reversed).payment).toBe('refunded');
});

describe('parseCancelRequest', () => {
  test.each<[unknown, string | null, string | undefined]>([
    [undefined, null, undefined],
    [null, null, undefined],
    ['too late', 'too late', undefined],
    [42, null, undefined],
    [['a'], null, undefined],
    [{}, null, undefined],
    [{ reason: 'too late', requestedBy: 'ops' }, 'too late', 'ops'],
    [{ reason: { deep: true }, requestedBy: 7 }, null, undefined],
    [{ reason: ' \n two\tlines \u202e ' }, 'two lines', undefined],
  ])('%j', (payload, reason, claim) => {
    expect(change.parseCancelRequest(payload, 9)).toEqual({
      reason,
      requestedBy: claim === undefined ? { kind: 'signal' } : { kind: 'signal', claim },
      requestedAtMs: 9,
    });
  });

  test.each(['write to ada@example.com please', 'call +49 (30) 1234-567', 'card 4242 4242 4242 4242'])(
    'removes apparent personal data from %j',
    (reason) => {
      const sanitized = change.parseCancelRequest({ reason }, 0).reason;
      expect(sanitized).toContain('[removed]');
      expect(sanitized).not.toMatch(/@|\d{4}/);
    },
  );

  test('stores one bounded line for any payload', () => {
    fc.assert(
      fc.property(fc.anything(), (payload) => {
        const { reason, requestedBy } = change.parseCancelRequest(payload, 0);
        for (const text of [reason, requestedBy.claim]) {
          expect((text ?? '').length).toBeLessThanOrEqual(200);
          expect(text ?? '').not.toMatch(/[\n\r\0]/);
        }
      }),
    );
  });
});

test.each(['customer', 'staff', 'machine'])(
  'stores the claim of a REST %s although its id contains digits',
  (kind) => {
    const id = `${kind === 'machine' ? 'key' : 'cus'}_01234567890123456789012345`;
    const by = (requestedBy: string) => change.parseCancelRequest({ requestedBy }, 0).requestedBy.claim;
    expect(by(`${kind}:${id}, by REST`)).toBe(`${kind}:${id}, by REST`);
    expect(by(`${kind}:${id}, by telephone`)).toContain('[removed]');
  },
);
