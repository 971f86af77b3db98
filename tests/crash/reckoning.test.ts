import type { InventoryItem, StockMovement } from '../../api/inventory/schemas';
import type { Order } from '../../api/orders/schemas';
import type { BookRow } from '../../dev/payment-simulator/books';
import { DECLINED, orderOf } from '../system/orders/orders';
import type { CancelPlan, CustomerPlan } from './monkey/customer-plan';
import { newTold, type Told } from './monkey/customers';
import { type Counters, countersOf, type Evidence, isSettled, reckon } from './reckoning';

const TOTAL_MINOR = 41_900;
const CANCEL: CancelPlan = { ways: ['rest'], after: 'decided', delayMs: 0 };

const planOf = (n: number, changes: Partial<CustomerPlan> = {}): CustomerPlan => ({
  n,
  idempotencyKey: `crash-${n}`,
  body: orderOf({ 'walnut-desk': 1 }),
  prefer: null,
  patienceMs: 1_000,
  asks: 'order',
  cancel: null,
  delivery: null,
  ...changes,
});

const orderIn = (id: string, status: Order['status'], changes: Partial<Order> = {}): Order =>
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

const intentOf = (orderId: string, captured: number, refunded = 0, id = `pi_${orderId}`): BookRow => ({
  id,
  order_id: orderId,
  status: 'succeeded',
  currency: 'eur',
  amount: TOTAL_MINOR,
  amount_captured: captured,
  amount_refunded: refunded,
  created: 0,
});

const stockOf = (reserved: number, onHand = 10): InventoryItem => ({
  ...{ sku: 'walnut-desk', onHand, reserved, available: onHand - reserved },
  threshold: null,
  lowSince: null,
  warehouses: [],
});

const movementsOf = (opening: number, received = 0): Map<string, StockMovement[]> => {
  const movement = (delta: number, reason: StockMovement['reason']) => ({ delta, reason }) as StockMovement;
  return new Map([['walnut-desk', [movement(received, 'received'), movement(opening, 'opening')]]]);
};

/** One confirmed order, one declined, one cancelled; everything agrees. */
function sound(): Evidence & { told: Told[] } {
  const told = [
    { ...newTold(planOf(0)), orderId: 'ord_a' },
    {
      ...newTold(planOf(1, { body: orderOf({ 'walnut-desk': 1 }, { method: DECLINED }) })),
      orderId: 'ord_b',
    },
    {
      ...newTold(planOf(2, { cancel: CANCEL })),
      orderId: 'ord_c',
      cancellations: [{ way: 'rest' as const, outcome: 'accepted' as const }],
    },
  ];
  return {
    told,
    orders: new Map([
      ['ord_a', orderIn('ord_a', 'confirmed')],
      ['ord_b', orderIn('ord_b', 'rejected', { rejection: { code: 'payment_declined', detail: '' } })],
      ['ord_c', orderIn('ord_c', 'cancelled')],
    ]),
    listed: ['ord_c', 'ord_b', 'ord_a'],
    replayed: new Map(told.map((t) => [t, t.orderId])),
    stock: [stockOf(1)],
    movements: movementsOf(10),
    intents: [intentOf('ord_a', TOTAL_MINOR), intentOf('ord_c', TOTAL_MINOR, TOTAL_MINOR)],
    paidTwice: [],
    findings: [],
    mails: new Map([
      ['ord_a', ['order_confirmed']],
      ['ord_b', ['payment_declined']],
      ['ord_c', ['order_confirmed', 'order_cancelled']],
    ]),
  };
}

const told = (evidence: { told: Told[] }, n: number): Told => evidence.told[n] as Told;
const changeTold = (n: number, changes: Partial<Told>) => {
  const evidence = sound();
  const changed = evidence.told.map((t, i) => (i === n ? { ...t, ...changes } : t));
  return { ...evidence, told: changed, replayed: new Map(changed.map((t) => [t, t.orderId])) };
};
const changeOrder = (order: Order): Evidence => {
  const evidence = sound();
  return { ...evidence, orders: new Map([...evidence.orders, [order.id, order]]) };
};
const without = (id: string): Evidence => {
  const evidence = sound();
  return { ...evidence, orders: new Map([...evidence.orders].filter(([key]) => key !== id)) };
};
const change = (changes: Partial<Evidence>): Evidence => ({ ...sound(), ...changes });

test('nothing is counted when everything agrees', () => {
  expect(reckon(sound())).toEqual([]);
});

const FAULTS: [string, () => Evidence, Partial<Counters>][] = [
  ['an accepted order is gone', () => without('ord_b'), { lost: 1 }],
  ['an accepted order is not listed', () => change({ listed: ['ord_a', 'ord_b'] }), { lost: 1 }],
  ['an order is listed twice', () => change({ listed: ['ord_a', 'ord_a', 'ord_b', 'ord_c'] }), { lost: 1 }],
  [
    'there is an order that nobody placed',
    () => change({ listed: ['ord_a', 'ord_b', 'ord_c', 'ord_x'] }),
    { lost: 1 },
  ],
  [
    'a key gave two orders',
    () => changeTold(0, { broken: ['its key gave another order too: ord_x'] }),
    { lost: 1 },
  ],
  [
    'a key gives another order in the end',
    () => {
      const evidence = sound();
      return { ...evidence, replayed: new Map([...evidence.replayed, [told(evidence, 0), 'ord_x']]) };
    },
    { lost: 1 },
  ],
  [
    'an accepted cancellation had no effect',
    () =>
      changeTold(0, {
        plan: planOf(0, { cancel: CANCEL }),
        cancellations: [{ way: 'native', outcome: 'accepted' }],
      }),
    { lost: 1 },
  ],
  [
    'a cancellation was refused for nothing',
    () =>
      changeTold(0, {
        plan: planOf(0, { cancel: CANCEL }),
        cancellations: [{ way: 'rest', outcome: 'refused' }],
      }),
    { lost: 1 },
  ],
  [
    'an order was cancelled by nobody',
    () => changeTold(2, { plan: planOf(2), cancellations: [] }),
    { lost: 1 },
  ],
  [
    'an order was rejected though its payment succeeds',
    () => changeTold(1, { plan: planOf(1) }),
    { lost: 1 },
  ],
  [
    'an order was rejected though there is stock for it',
    () =>
      change({
        ...changeOrder(orderIn('ord_b', 'rejected', { rejection: { code: 'out_of_stock', detail: '' } })),
        mails: new Map([...sound().mails, ['ord_b', ['order_out_of_stock']]]),
      }),
    { lost: 1 },
  ],
  ['the books call an order paid twice', () => change({ paidTwice: ['ord_a'] }), { doublePayments: 1 }],
  [
    'an order was paid twice and one payment given back',
    () => change({ intents: [...sound().intents, intentOf('ord_a', TOTAL_MINOR, TOTAL_MINOR, 'pi_2')] }),
    { doublePayments: 1 },
  ],
  ['units are on hand that nobody brought', () => change({ stock: [stockOf(1, 12)] }), { stockDrift: 2 }],
  [
    'a delivery was counted that there was not',
    () => change({ stock: [stockOf(1, 13)], movements: movementsOf(10, 3) }),
    { stockDrift: 3 },
  ],
  ['units are reserved for nobody', () => change({ stock: [stockOf(4)] }), { stockDrift: 3 }],
  ['units of a confirmed order are not reserved', () => change({ stock: [stockOf(0)] }), { stockDrift: 1 }],
  [
    'more is reserved than there is',
    () => change({ stock: [stockOf(1, 0)], movements: movementsOf(0) }),
    { stockDrift: 1 },
  ],
  [
    'a cancelled order keeps money',
    () => change({ intents: [intentOf('ord_a', TOTAL_MINOR), intentOf('ord_c', TOTAL_MINOR, 900)] }),
    { moneyDrift: TOTAL_MINOR - 900 },
  ],
  ['a confirmed order is not paid', () => change({ intents: [] }), { moneyDrift: TOTAL_MINOR }],
  [
    'money is kept for no order at all',
    () => change({ intents: [...sound().intents, intentOf('ord_x', 5)] }),
    { moneyDrift: 5 },
  ],
  [
    'a chain is broken',
    () => change({ findings: [{ check: 'anchor_mismatch', subject: 'ord_a', detail: '' }] }),
    { chainBreaks: 1 },
  ],
  [
    'verify finds something else',
    () => change({ findings: [{ check: 'feed_mismatch', subject: 'feed', detail: '' }] }),
    { findings: 1 },
  ],
  ['the API did not know what to say', () => changeTold(0, { answers: { 201: 1, 500: 2 } }), { findings: 2 }],
  ['an order is not decided', () => changeOrder(orderIn('ord_c', 'cancelling')), { stuck: 1 }],
  [
    'an order needs attention',
    () => changeOrder(orderIn('ord_c', 'cancelled', { attention: { step: '', detail: '', since: '' } })),
    { stuck: 1 },
  ],
  ['a mail was not sent', () => change({ mails: new Map() }), { unsent: 3 }],
];

test.each(FAULTS)('%s: it is counted, and nothing else is', (_, evidence, expected) => {
  const counters = countersOf(reckon(evidence()));
  const counted = Object.fromEntries(Object.entries(counters).filter(([, count]) => count > 0));
  expect(counted).toEqual(expected);
});

test('a placement that was never answered is stuck', () => {
  const evidence = sound();
  const silent = newTold(planOf(3));
  expect(countersOf(reckon({ ...evidence, told: [...evidence.told, silent] }))).toMatchObject({
    stuck: 1,
    lost: 0,
  });
});

test('an order is settled when it has ended as its customer was told', () => {
  const [calm, , cancelled] = sound().told as [Told, Told, Told];
  expect(isSettled(orderIn('ord_a', 'confirmed'), calm)).toBe(true);
  expect(isSettled(orderIn('ord_a', 'placed'), calm)).toBe(false);
  expect(isSettled(orderIn('ord_c', 'confirmed'), cancelled)).toBe(false);
  expect(isSettled(orderIn('ord_c', 'cancelled'), cancelled)).toBe(true);
});

test('every counter is tried', () => {
  const tried = new Set(FAULTS.flatMap(([, , expected]) => Object.keys(expected)));
  expect([...tried].sort()).toEqual(Object.keys(countersOf([])).sort());
});
