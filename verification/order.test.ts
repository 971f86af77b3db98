import type { LedgerRow } from '../db/payments/payment-ledger';
import type { Cancellation, Order } from '../domain/orders/order';
import * as change from '../domain/orders/order-changes';
import * as events from '../domain/orders/order-events';
import type { LedgerEntryKind } from '../domain/payments/payment-ledger';
import { type CloudEvent, type DomainEvent, toCloudEvent } from '../domain/shared/events';
import { buildPayment, newOrder } from '../tests/database/orders/sample-orders';
import { checkOrder, type StoredOrder } from './order';
import { projectOrder } from './projection';

const wish: Cancellation = { reason: 'late', requestedBy: { kind: 'signal' }, requestedAtMs: 5 };
const allocation = { line: 1, sku: 'walnut-desk', warehouse: 'berlin', quantity: 1 };
const paidAs = (order: Order) => buildPayment(order).intentId;

const ledgerRow = (
  order: Order,
  kind: LedgerEntryKind,
  intentId: string | null = paidAs(order),
): LedgerRow => ({
  key: `${order.id}:pay:1:${kind}`,
  orderId: order.id,
  kind,
  amountMinor: order.totalMinor,
  currency: order.currency,
  provider: 'stripe',
  intentId,
  declineCode: kind === 'declined' ? 'generic_decline' : null,
  recordedAtMs: 1,
});

const stored = (
  order: Order,
  told: DomainEvent[],
  ledger: LedgerRow[],
  state: 'held' | 'released',
): StoredOrder => {
  const reserved = events.stockReserved(order, [allocation]).data.reservations as { token: string }[];
  const id = reserved[0]?.token as string;
  const reservations = [{ ...allocation, id, orderId: order.id, state }];
  return { id: order.id, order, events: told.map(toCloudEvent), ledger, reservations };
};

function confirmed(): StoredOrder {
  const placed = newOrder();
  const ledger = [ledgerRow(placed, 'intent'), ledgerRow(placed, 'captured')];
  const order = change.withPaymentStatus(change.confirmOrder(placed, placed.placedAtMs + 10), ledger);
  const told = [
    events.orderCreated(placed, { kind: 'guest' }),
    events.stockReserved(placed, [allocation]),
    events.paymentSucceeded(order, buildPayment(order)),
    events.orderConfirmed(order),
  ];
  return stored(order, told, ledger, 'held');
}

/** After a refund that would not work at first. */
function cancelled(): StoredOrder {
  const before = confirmed();
  const paid = before.order as Order;
  const cancelling = change.withPaymentStatus(change.startCancellation(paid, wish, 2e12), before.ledger);
  const attention = { step: 'reverse the payment', detail: 'no answer', sinceMs: 2e12 + 1 };
  const stuck = change.setAttention(cancelling, attention, attention.sinceMs);
  const resolved = change.setAttention(stuck, null, 2e12 + 2);
  const ledger = [...before.ledger, ledgerRow(paid, 'refunded')];
  const refunded = change.withPaymentStatus(change.recordPaymentReversal(resolved, 2e12 + 3), ledger);
  const order = change.finishCancellation(refunded, 2e12 + 4);
  const more = [
    events.orderCancellationStarted(cancelling, wish),
    events.orderAttentionRequired(stuck, attention),
    events.orderAttentionResolved(resolved, attention.step),
    events.paymentRefunded(refunded, buildPayment(order)),
    events.stockReleased(order.id, [allocation], 2e12 + 3),
    events.orderCancelled(order),
  ];
  const after = stored(order, more, ledger, 'released');
  return { ...after, events: [...before.events, ...after.events] };
}

const check = (of: StoredOrder) => checkOrder(of, projectOrder(of.id, of.events));
const codes = (of: StoredOrder) => [...new Set(check(of).map((finding) => finding.check))];
const until = (of: StoredOrder, type: CloudEvent['type']) =>
  of.events.slice(0, of.events.findIndex((event) => event.type === type) + 1);

test('the log tells the whole row, after every step of the order', () => {
  const end = cancelled();
  expect(projectOrder(end.id, end.events)).toEqual(end.order);
  expect(projectOrder(end.id, until(end, 'OrderConfirmed'))).toMatchObject({
    status: 'confirmed',
    version: 2,
  });
  expect(projectOrder(end.id, until(end, 'OrderAttentionRequired'))).toMatchObject({
    status: 'cancelling',
    payment: 'refund_pending',
    version: 4,
    attention: { step: 'reverse the payment', detail: 'no answer', sinceMs: 2e12 + 1 },
  });
  expect(projectOrder(end.id, [])).toBeUndefined();
});

test.each([
  ['confirmed', confirmed],
  ['cancelled', cancelled],
])('rows of an order that is %s agree with its log', (_, make) => {
  expect(check(make())).toEqual([]);
});

test('any field of the row that differs is named, and only the row is blamed', () => {
  const whole = cancelled();
  for (const field of Object.keys(whole.order as Order)) {
    const order = { ...(whole.order as Order), [field]: 'altered' };
    expect(check({ ...whole, order })).toEqual([
      {
        check: 'projection_mismatch',
        subject: whole.id,
        detail: expect.stringMatching(new RegExp(`^${field} is "altered", the log says `)),
      },
    ]);
  }
});

test('an order is gone when only its log is there', () => {
  expect(codes({ ...confirmed(), order: null })).toEqual(['projection_mismatch']);
});

test('a log that does not begin with the order tells nothing of it', () => {
  const whole = confirmed();
  expect(codes({ ...whole, events: whole.events.slice(1) })).toEqual(['projection_mismatch']);
});

test.each([
  ['is missing', (rows: LedgerRow[]) => rows.slice(1)],
  ['is there twice', (rows: LedgerRow[]) => [...rows, ...rows.slice(-1)]],
  ['has another amount', (rows: LedgerRow[]) => rows.map((row) => ({ ...row, amountMinor: 1 }))],
  ['names another intent', (rows: LedgerRow[]) => rows.map((row) => ({ ...row, intentId: 'pi_x' }))],
  ['is of another kind', (rows: LedgerRow[]) => rows.map((row) => ({ ...row, kind: 'voided' as const }))],
])('a ledger in which a row %s is blamed alone', (_, damage) => {
  const whole = cancelled();
  expect(codes({ ...whole, ledger: damage(whole.ledger) })).toEqual(['money_mismatch']);
});

test('a decline may be in the ledger alone: its answer was lost. Of a payment that succeeded it may not', () => {
  const placed = newOrder();
  const rejection = { code: 'payment_unavailable' as const, detail: 'not in time' };
  const rows = (['intent', 'declined', 'voided'] as const).map((kind) => ledgerRow(placed, kind));
  const order = change.withPaymentStatus(change.rejectOrder(placed, rejection, placed.placedAtMs + 10), rows);
  expect(order.payment).toBe('failed');
  const { provider, intentId } = buildPayment(order);
  const told = [
    events.orderCreated(placed, { kind: 'guest' }),
    events.stockReserved(placed, [allocation]),
    events.paymentFailed(order, { attempt: 1, provider: null, intentId: null, code: 'unavailable' }),
    events.paymentVoided(order, { provider, intentId }),
    events.stockReleased(order.id, [allocation], placed.placedAtMs + 9),
    events.orderRejected(order),
  ];
  expect(codes(stored(order, told, rows, 'released'))).not.toContain('money_mismatch');

  const paid = confirmed();
  const ledger = [...paid.ledger, ledgerRow(paid.order as Order, 'declined')];
  expect(codes({ ...paid, ledger })).toEqual(['money_mismatch']);
});

test('a payment status that differs from the ledger is reported, except for an unreported decline in flight', () => {
  const paid = confirmed();
  const order = { ...(paid.order as Order), payment: 'refund_pending' as const };
  const wrong = {
    ...paid,
    order,
    events: paid.events.slice(0, -1).concat(toCloudEvent(events.orderConfirmed(order))),
  };
  expect(check(wrong).map((finding) => finding.detail)).toEqual([
    'the payment is refund_pending, the ledger amounts to paid',
  ]);

  const placed = newOrder();
  const told = [events.orderCreated(placed, { kind: 'guest' }), events.stockReserved(placed, [allocation])];
  const rows = (['intent', 'declined'] as const).map((kind) => ledgerRow(placed, kind));
  expect(check(stored(placed, told, rows, 'held'))).toEqual([]);
});

test('an intent that has come to nothing yet is no fault while the order is being paid', () => {
  const whole = confirmed();
  const order = newOrder();
  const placed = stored(
    order,
    [events.orderCreated(order, { kind: 'guest' }), events.stockReserved(order, [allocation])],
    [ledgerRow(order, 'intent')],
    'held',
  );
  expect(check(placed)).toEqual([]);
  const late = { ...ledgerRow(whole.order as Order, 'intent', 'pi_late'), key: 'late' };
  expect(codes({ ...whole, ledger: [...whole.ledger, late] })).toEqual(['money_mismatch']);
});

test('a try that was given up before it had an intent is no fault', () => {
  const whole = confirmed();
  const none = ledgerRow(whole.order as Order, 'intent', null);
  expect(check({ ...whole, ledger: [...whole.ledger, none] })).toEqual([]);
});

test.each([
  ['is missing', () => []],
  ['is held although it was released', (rows) => rows.map((row) => ({ ...row, state: 'held' }))],
  ['has another quantity', (rows) => rows.map((row) => ({ ...row, quantity: 2 }))],
  ['is of another product', (rows) => rows.map((row) => ({ ...row, sku: 'desk-lamp' }))],
  ['is in another warehouse', (rows) => rows.map((row) => ({ ...row, warehouse: 'lyon' }))],
] as [string, (rows: StoredOrder['reservations']) => StoredOrder['reservations']][])(
  'a reservation that %s is blamed alone',
  (_, damage) => {
    const whole = cancelled();
    expect(codes({ ...whole, reservations: damage(whole.reservations) })).toEqual(['reservation_mismatch']);
  },
);

describe('a fault of the program itself, told by log and rows alike, is found:', () => {
  test('a total that is not what its parts come to', () => {
    const whole = JSON.parse(
      JSON.stringify(confirmed()).replaceAll('"shippingMinor":0', '"shippingMinor":1'),
    ) as StoredOrder;
    expect(codes(whole)).toEqual(['money_mismatch']);
  });

  test('a cancelled order whose money was kept', () => {
    const whole = cancelled();
    const kept = {
      ...whole,
      events: whole.events.filter(({ type }) => type !== 'PaymentRefunded'),
      ledger: whole.ledger.filter(({ kind }) => kind !== 'refunded'),
    };
    expect(check(kept)).toContainEqual({
      check: 'money_mismatch',
      subject: whole.id,
      detail: `${whole.order?.totalMinor} was kept, 0 is owed`,
    });
  });

  test('a cancelled order that holds stock', () => {
    const whole = cancelled();
    const held = {
      ...whole,
      events: whole.events.filter(({ type }) => type !== 'StockReleased'),
      reservations: whole.reservations.map((row) => ({ ...row, state: 'held' })),
    };
    expect(codes(held)).toEqual(['reservation_mismatch']);
  });

  test('a confirmed order that holds none', () => {
    const whole = confirmed();
    const none = {
      ...whole,
      events: whole.events.filter(({ type }) => type !== 'StockReserved'),
      reservations: [],
    };
    expect(codes(none)).toEqual(['reservation_mismatch']);
  });
});

test('an order of before there was a choice of shipping went the one way there was', () => {
  const { id, order, events: told } = confirmed();
  const withoutChoice = (key: string, value: unknown) => (key === 'shippingMethod' ? undefined : value);
  const old = JSON.parse(JSON.stringify(told), withoutChoice) as CloudEvent[];
  expect(projectOrder(id, old)).toEqual({ ...order, shippingMethod: 'standard' });
});
