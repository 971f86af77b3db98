import fc from 'fast-check';
import { type FulfilmentStatus, isClosed, type OrderStatus } from './order';
import { assertTransition, can, canTransition, STATUS_TRANSITIONS } from './transitions';

const STATUSES = Object.keys(STATUS_TRANSITIONS) as OrderStatus[];
const FULFILMENTS: FulfilmentStatus[] = [
  'unfulfilled',
  'partially_shipped',
  'shipped',
  'partially_delivered',
  'delivered',
  'partially_returned',
  'returned',
];

function reachableFrom(start: OrderStatus): Set<OrderStatus> {
  const seen = new Set<OrderStatus>([start]);
  for (const status of seen) for (const next of STATUS_TRANSITIONS[status]) seen.add(next);
  return seen;
}

describe('STATUS_TRANSITIONS', () => {
  test('reaches every status from placed', () => {
    expect([...reachableFrom('placed')].sort()).toEqual([...STATUSES].sort());
  });

  test.each(STATUSES)('%s is closed if and only if it has no transition', (status) => {
    expect(STATUS_TRANSITIONS[status].length === 0).toBe(isClosed(status));
  });

  test.each(STATUSES)('%s leads to a final status', (status) => {
    expect([...reachableFrom(status)].some(isClosed)).toBe(true);
  });

  test.each(STATUSES)('%s leads neither to itself nor to placed', (status) => {
    expect(canTransition(status, status)).toBe(false);
    expect(canTransition(status, 'placed')).toBe(false);
  });

  test('reaches cancelled only from cancelling, which leads nowhere else', () => {
    expect(STATUSES.filter((s) => canTransition(s, 'cancelled'))).toEqual(['cancelling']);
    expect(STATUS_TRANSITIONS.cancelling).toEqual(['cancelled']);
  });

  test('never rejects a confirmed order', () => {
    expect(canTransition('confirmed', 'rejected')).toBe(false);
  });

  test('throws for transitions outside the table only', () => {
    fc.assert(
      fc.property(fc.constantFrom(...STATUSES), fc.constantFrom(...STATUSES), (from, to) => {
        const step = () => assertTransition(from, to);
        if (canTransition(from, to)) expect(step).not.toThrow();
        else expect(step).toThrow(`from ${from} to ${to}`);
      }),
    );
  });
});

describe('cancel', () => {
  test.each(['placed', 'confirmed', 'on_hold'] as const)('is possible while %s and unfulfilled', (status) => {
    expect(can({ status, fulfilment: 'unfulfilled' }, 'cancel')).toEqual({ allowed: true });
  });

  test.each([
    ['cancelling', 'already_cancelling'],
    ['cancelled', 'already_cancelled'],
    ['rejected', 'already_rejected'],
    ['completed', 'already_completed'],
  ] as const)('is rejected when %s: %s', (status, code) => {
    expect(can({ status, fulfilment: 'unfulfilled' }, 'cancel')).toMatchObject({ allowed: false, code });
  });

  test('is rejected with a reason once anything has shipped', () => {
    expect(can({ status: 'confirmed', fulfilment: 'shipped' }, 'cancel')).toEqual({
      allowed: false,
      code: 'already_shipped',
      reason: 'The order has already shipped',
    });
    for (const fulfilment of FULFILMENTS.filter((f) => f !== 'unfulfilled')) {
      expect(can({ status: 'confirmed', fulfilment }, 'cancel')).toMatchObject({ code: 'already_shipped' });
    }
  });

  test('is never allowed from a status without a transition to cancelling', () => {
    fc.assert(
      fc.property(fc.constantFrom(...STATUSES), fc.constantFrom(...FULFILMENTS), (status, fulfilment) => {
        const { allowed } = can({ status, fulfilment }, 'cancel');
        expect(allowed).toBe(canTransition(status, 'cancelling') && fulfilment === 'unfulfilled');
      }),
    );
  });
});
