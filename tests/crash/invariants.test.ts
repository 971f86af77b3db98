import type { InventoryItem, StockMovement } from '../../api/inventory/schemas';
import type { Order } from '../../api/orders/schemas';
import type { BookRow } from '../../dev/payment-simulator/books';
import { buildOrderRequest, DECLINED_CARD } from '../system/orders/orders';
import { type Counters, checkInvariants, countProblems, type Evidence, isSettled } from './invariants';
import type { CancelPlan, CustomerPlan } from './monkey/customer-plan';
import { type ClientObservations, createClientObservations } from './monkey/customers';

const TOTAL_MINOR = 41_900;
const CANCEL_PLAN: CancelPlan = { methods: ['rest'], after: 'decided', delayMs: 0 };

const buildPlan = (n: number, changes: Partial<CustomerPlan> = {}): CustomerPlan => ({
  index: n,
  idempotencyKey: `crash-${n}`,
  body: buildOrderRequest({ 'walnut-desk': 1 }),
  prefer: null,
  initialTimeoutMs: 1_000,
  pollBy: 'order',
  cancel: null,
  stockReceipt: null,
  ...changes,
});

const buildOrder = (id: string, status: Order['status'], changes: Partial<Order> = {}): Order =>
  ({
    id,
    status,
    version: 3,
    total: { amount: TOTAL_MINOR, currency: 'EUR' },
    attention: null,
    rejection: null,
    lines: [{ sku: 'walnut-desk', quantity: 1 }],
    ...changes,
  }) as Order;

const buildIntent = (orderId: string, captured: number, refunded = 0, id = `pi_${orderId}`): BookRow => ({
  id,
  order_id: orderId,
  status: 'succeeded',
  currency: 'eur',
  amount: TOTAL_MINOR,
  amount_captured: captured,
  amount_refunded: refunded,
  created: 0,
});

const buildInventoryItem = (reserved: number, onHand = 10): InventoryItem => ({
  ...{ sku: 'walnut-desk', onHand, reserved, available: onHand - reserved },
  threshold: null,
  lowSince: null,
  warehouses: [],
});

const buildMovements = (opening: number, received = 0): Map<string, StockMovement[]> => {
  const movement = (delta: number, reason: StockMovement['reason']) => ({ delta, reason }) as StockMovement;
  return new Map([['walnut-desk', [movement(received, 'received'), movement(opening, 'opening')]]]);
};

/** Consistent evidence of one confirmed, one declined and one cancelled order. */
function buildConsistentEvidence(): Evidence & { observations: ClientObservations[] } {
  const observations = [
    { ...createClientObservations(buildPlan(0)), orderId: 'ord_a' },
    {
      ...createClientObservations(
        buildPlan(1, { body: buildOrderRequest({ 'walnut-desk': 1 }, { method: DECLINED_CARD }) }),
      ),
      orderId: 'ord_b',
    },
    {
      ...createClientObservations(buildPlan(2, { cancel: CANCEL_PLAN })),
      orderId: 'ord_c',
      cancellations: [{ method: 'rest' as const, outcome: 'accepted' as const }],
    },
  ];
  return {
    observations,
    orders: new Map([
      ['ord_a', buildOrder('ord_a', 'confirmed')],
      ['ord_b', buildOrder('ord_b', 'rejected', { rejection: { code: 'payment_declined', detail: '' } })],
      ['ord_c', buildOrder('ord_c', 'cancelled')],
    ]),
    listedOrderIds: ['ord_c', 'ord_b', 'ord_a'],
    replayedOrderIds: new Map(observations.map((t) => [t, t.orderId])),
    stock: [buildInventoryItem(1)],
    movements: buildMovements(10),
    intents: [buildIntent('ord_a', TOTAL_MINOR), buildIntent('ord_c', TOTAL_MINOR, TOTAL_MINOR)],
    doublePaidOrderIds: [],
    findings: [],
    mails: new Map([
      ['ord_a', ['order_confirmed']],
      ['ord_b', ['payment_declined']],
      ['ord_c', ['order_confirmed', 'order_cancelled']],
    ]),
  };
}

const getObservations = (evidence: { observations: ClientObservations[] }, n: number): ClientObservations =>
  evidence.observations[n] as ClientObservations;
const withObservations = (n: number, changes: Partial<ClientObservations>) => {
  const evidence = buildConsistentEvidence();
  const changed = evidence.observations.map((t, i) => (i === n ? { ...t, ...changes } : t));
  return {
    ...evidence,
    observations: changed,
    replayedOrderIds: new Map(changed.map((t) => [t, t.orderId])),
  };
};
const withOrder = (order: Order): Evidence => {
  const evidence = buildConsistentEvidence();
  return { ...evidence, orders: new Map([...evidence.orders, [order.id, order]]) };
};
const withoutOrder = (id: string): Evidence => {
  const evidence = buildConsistentEvidence();
  return { ...evidence, orders: new Map([...evidence.orders].filter(([key]) => key !== id)) };
};
const withChanges = (changes: Partial<Evidence>): Evidence => ({ ...buildConsistentEvidence(), ...changes });

test('finds no problem in consistent evidence', () => {
  expect(checkInvariants(buildConsistentEvidence())).toEqual([]);
});

const VIOLATIONS: [string, () => Evidence, Partial<Counters>][] = [
  ['an accepted order is missing', () => withoutOrder('ord_b'), { lost: 1 }],
  ['an accepted order is not listed', () => withChanges({ listedOrderIds: ['ord_a', 'ord_b'] }), { lost: 1 }],
  [
    'an order is listed twice',
    () => withChanges({ listedOrderIds: ['ord_a', 'ord_a', 'ord_b', 'ord_c'] }),
    { lost: 1 },
  ],
  [
    'an order was never placed',
    () => withChanges({ listedOrderIds: ['ord_a', 'ord_b', 'ord_c', 'ord_x'] }),
    { lost: 1 },
  ],
  [
    'an idempotency key returned two orders',
    () => withObservations(0, { violations: ['its idempotency key returned another order: ord_x'] }),
    { lost: 1 },
  ],
  [
    'a repeated placement returns another order',
    () => {
      const evidence = buildConsistentEvidence();
      return {
        ...evidence,
        replayedOrderIds: new Map([...evidence.replayedOrderIds, [getObservations(evidence, 0), 'ord_x']]),
      };
    },
    { lost: 1 },
  ],
  [
    'an accepted cancellation had no effect',
    () =>
      withObservations(0, {
        plan: buildPlan(0, { cancel: CANCEL_PLAN }),
        cancellations: [{ method: 'native', outcome: 'accepted' }],
      }),
    { lost: 1 },
  ],
  [
    'a cancellation of an open order was rejected',
    () =>
      withObservations(0, {
        plan: buildPlan(0, { cancel: CANCEL_PLAN }),
        cancellations: [{ method: 'rest', outcome: 'rejected' }],
      }),
    { lost: 1 },
  ],
  [
    'an order was cancelled without a request',
    () => withObservations(2, { plan: buildPlan(2), cancellations: [] }),
    { lost: 1 },
  ],
  [
    'an order was rejected despite a valid card',
    () => withObservations(1, { plan: buildPlan(1) }),
    { lost: 1 },
  ],
  [
    'an order was rejected despite available stock',
    () =>
      withChanges({
        ...withOrder(buildOrder('ord_b', 'rejected', { rejection: { code: 'out_of_stock', detail: '' } })),
        mails: new Map([...buildConsistentEvidence().mails, ['ord_b', ['order_out_of_stock']]]),
      }),
    { lost: 1 },
  ],
  [
    'the books contain a double payment',
    () => withChanges({ doublePaidOrderIds: ['ord_a'] }),
    { doublePayments: 1 },
  ],
  [
    'an order was paid twice and refunded once',
    () =>
      withChanges({
        intents: [
          ...buildConsistentEvidence().intents,
          buildIntent('ord_a', TOTAL_MINOR, TOTAL_MINOR, 'pi_2'),
        ],
      }),
    { doublePayments: 1 },
  ],
  [
    'units are on hand without a movement',
    () => withChanges({ stock: [buildInventoryItem(1, 12)] }),
    { stockDrift: 2 },
  ],
  [
    'an unplanned stock receipt was recorded',
    () => withChanges({ stock: [buildInventoryItem(1, 13)], movements: buildMovements(10, 3) }),
    { stockDrift: 3 },
  ],
  [
    'units are reserved without an order',
    () => withChanges({ stock: [buildInventoryItem(4)] }),
    { stockDrift: 3 },
  ],
  [
    'units of a confirmed order are not reserved',
    () => withChanges({ stock: [buildInventoryItem(0)] }),
    { stockDrift: 1 },
  ],
  [
    'more units are reserved than are on hand',
    () => withChanges({ stock: [buildInventoryItem(1, 0)], movements: buildMovements(0) }),
    { stockDrift: 1 },
  ],
  [
    'a cancelled order is not fully refunded',
    () =>
      withChanges({ intents: [buildIntent('ord_a', TOTAL_MINOR), buildIntent('ord_c', TOTAL_MINOR, 900)] }),
    { moneyDrift: TOTAL_MINOR - 900 },
  ],
  ['a confirmed order is not paid', () => withChanges({ intents: [] }), { moneyDrift: TOTAL_MINOR }],
  [
    'a payment belongs to no order',
    () => withChanges({ intents: [...buildConsistentEvidence().intents, buildIntent('ord_x', 5)] }),
    { moneyDrift: 5 },
  ],
  [
    'a chain is broken',
    () => withChanges({ findings: [{ check: 'anchor_mismatch', subject: 'ord_a', detail: '' }] }),
    { chainBreaks: 1 },
  ],
  [
    'verify has another finding',
    () => withChanges({ findings: [{ check: 'feed_mismatch', subject: 'feed', detail: '' }] }),
    { findings: 1 },
  ],
  [
    'the API responded with 500',
    () => withObservations(0, { responseCounts: { 201: 1, 500: 2 } }),
    { findings: 2 },
  ],
  ['an order is not decided', () => withOrder(buildOrder('ord_c', 'cancelling')), { stuck: 1 }],
  [
    'an order requires attention',
    () => withOrder(buildOrder('ord_c', 'cancelled', { attention: { step: '', detail: '', since: '' } })),
    { stuck: 1 },
  ],
  ['a mail was not sent', () => withChanges({ mails: new Map() }), { unsent: 3 }],
];

test.each(VIOLATIONS)('%s: increases only the expected counter', (_, evidence, expected) => {
  const counters = countProblems(checkInvariants(evidence()));
  const counted = Object.fromEntries(Object.entries(counters).filter(([, count]) => count > 0));
  expect(counted).toEqual(expected);
});

test('a placement without a response is stuck', () => {
  const evidence = buildConsistentEvidence();
  const unanswered = createClientObservations(buildPlan(3));
  expect(
    countProblems(checkInvariants({ ...evidence, observations: [...evidence.observations, unanswered] })),
  ).toMatchObject({
    stuck: 1,
    lost: 0,
  });
});

test('an order is settled in a final status that matches its accepted cancellations', () => {
  const [uncancelled, , cancelled] = buildConsistentEvidence().observations as [
    ClientObservations,
    ClientObservations,
    ClientObservations,
  ];
  expect(isSettled(buildOrder('ord_a', 'confirmed'), uncancelled)).toBe(true);
  expect(isSettled(buildOrder('ord_a', 'placed'), uncancelled)).toBe(false);
  expect(isSettled(buildOrder('ord_c', 'confirmed'), cancelled)).toBe(false);
  expect(isSettled(buildOrder('ord_c', 'cancelled'), cancelled)).toBe(true);
});

test('every counter has a case', () => {
  const covered = new Set(VIOLATIONS.flatMap(([, , expected]) => Object.keys(expected)));
  expect([...covered].sort()).toEqual(Object.keys(countProblems([])).sort());
});
