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
  domainEvents: DomainEvent[],
  ledger: LedgerRow[],
  state: 'held' | 'released',
): StoredOrder => {
  const reserved = events.stockReserved(order, [allocation]).data.reservations as { token: string }[];
  const id = reserved[0]?.token as string;
  const reservations = [{ ...allocation, id, orderId: order.id, state }];
  return { id: order.id, order, events: domainEvents.map(toCloudEvent), ledger, reservations };
};

function confirmed(): StoredOrder {
  const placed = newOrder();
  const ledger = [ledgerRow(placed, 'intent'), ledgerRow(placed, 'captured')];
  const order = change.withPaymentStatus(change.confirmOrder(placed, placed.placedAtMs + 10), ledger);
  const domainEvents = [
    events.orderCreated(placed, { kind: 'guest' }),
    events.stockReserved(placed, [allocation]),
    events.paymentSucceeded(order, buildPayment(order)),
    events.orderConfirmed(order),
  ];
  return stored(order, domainEvents, ledger, 'held');
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

test('projects the whole row from the log after every step of the order', () => {
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
])('accepts the rows of a %s order that match its log', (_, make) => {
  expect(check(make())).toEqual([]);
});

test('names the differing field of a row and reports only that row', () => {
  const consistent = cancelled();
  for (const field of Object.keys(consistent.order as Order)) {
    const order = { ...(consistent.order as Order), [field]: 'altered' };
    expect(check({ ...consistent, order })).toEqual([
      {
        check: 'projection_mismatch',
        subject: consistent.id,
        detail: expect.stringMatching(new RegExp(`^${field} is "altered", in the log `)),
      },
    ]);
  }
});

test('reports an order whose row is missing while its log exists', () => {
  expect(codes({ ...confirmed(), order: null })).toEqual(['projection_mismatch']);
});

test('reports a log without an OrderCreated event', () => {
  const consistent = confirmed();
  expect(codes({ ...consistent, events: consistent.events.slice(1) })).toEqual(['projection_mismatch']);
});

test.each([
  ['is missing', (rows: LedgerRow[]) => rows.slice(1)],
  ['is duplicated', (rows: LedgerRow[]) => [...rows, ...rows.slice(-1)]],
  ['has a different amount', (rows: LedgerRow[]) => rows.map((row) => ({ ...row, amountMinor: 1 }))],
  ['names a different intent', (rows: LedgerRow[]) => rows.map((row) => ({ ...row, intentId: 'pi_x' }))],
  ['has a different kind', (rows: LedgerRow[]) => rows.map((row) => ({ ...row, kind: 'voided' as const }))],
])('reports only the ledger when one of its rows %s', (_, tamper) => {
  const consistent = cancelled();
  expect(codes({ ...consistent, ledger: tamper(consistent.ledger) })).toEqual(['money_mismatch']);
});

test('accepts a decline without an event if its response was lost, but not beside a successful payment', () => {
  const placed = newOrder();
  const rejection = { code: 'payment_unavailable' as const, detail: 'not in time' };
  const rows = (['intent', 'declined', 'voided'] as const).map((kind) => ledgerRow(placed, kind));
  const order = change.withPaymentStatus(change.rejectOrder(placed, rejection, placed.placedAtMs + 10), rows);
  expect(order.payment).toBe('failed');
  const { provider, intentId } = buildPayment(order);
  const domainEvents = [
    events.orderCreated(placed, { kind: 'guest' }),
    events.stockReserved(placed, [allocation]),
    events.paymentFailed(order, { attempt: 1, provider: null, intentId: null, code: 'unavailable' }),
    events.paymentVoided(order, { provider, intentId }),
    events.stockReleased(order.id, [allocation], placed.placedAtMs + 9),
    events.orderRejected(order),
  ];
  expect(codes(stored(order, domainEvents, rows, 'released'))).not.toContain('money_mismatch');

  const paid = confirmed();
  const ledger = [...paid.ledger, ledgerRow(paid.order as Order, 'declined')];
  expect(codes({ ...paid, ledger })).toEqual(['money_mismatch']);
});

test('a payment status that differs from the ledger is reported, except for an unreported decline in flight', () => {
  const paid = confirmed();
  const order = { ...(paid.order as Order), payment: 'refund_pending' as const };
  const inconsistent = {
    ...paid,
    order,
    events: paid.events.slice(0, -1).concat(toCloudEvent(events.orderConfirmed(order))),
  };
  expect(check(inconsistent).map((finding) => finding.detail)).toEqual([
    'the payment is refund_pending, the ledger amounts to paid',
  ]);

  const placed = newOrder();
  const domainEvents = [
    events.orderCreated(placed, { kind: 'guest' }),
    events.stockReserved(placed, [allocation]),
  ];
  const rows = (['intent', 'declined'] as const).map((kind) => ledgerRow(placed, kind));
  expect(check(stored(placed, domainEvents, rows, 'held'))).toEqual([]);
});

test('accepts an unsettled intent while the payment is in flight', () => {
  const consistent = confirmed();
  const order = newOrder();
  const placed = stored(
    order,
    [events.orderCreated(order, { kind: 'guest' }), events.stockReserved(order, [allocation])],
    [ledgerRow(order, 'intent')],
    'held',
  );
  expect(check(placed)).toEqual([]);
  const late = { ...ledgerRow(consistent.order as Order, 'intent', 'pi_late'), key: 'late' };
  expect(codes({ ...consistent, ledger: [...consistent.ledger, late] })).toEqual(['money_mismatch']);
});

test('accepts an attempt that was sealed before it had an intent', () => {
  const consistent = confirmed();
  const none = ledgerRow(consistent.order as Order, 'intent', null);
  expect(check({ ...consistent, ledger: [...consistent.ledger, none] })).toEqual([]);
});

test.each([
  ['is missing', () => []],
  ['is live although the log releases it', (rows) => rows.map((row) => ({ ...row, state: 'held' }))],
  ['has a different quantity', (rows) => rows.map((row) => ({ ...row, quantity: 2 }))],
  ['names a different product', (rows) => rows.map((row) => ({ ...row, sku: 'desk-lamp' }))],
  ['names a different warehouse', (rows) => rows.map((row) => ({ ...row, warehouse: 'lyon' }))],
] as [string, (rows: StoredOrder['reservations']) => StoredOrder['reservations']][])(
  'reports only the reservations when one %s',
  (_, tamper) => {
    const consistent = cancelled();
    expect(codes({ ...consistent, reservations: tamper(consistent.reservations) })).toEqual([
      'reservation_mismatch',
    ]);
  },
);

describe('reports a bug that log and rows agree on:', () => {
  test('a total that is not the sum of its parts', () => {
    const consistent = JSON.parse(
      JSON.stringify(confirmed()).replaceAll('"shippingMinor":0', '"shippingMinor":1'),
    ) as StoredOrder;
    expect(codes(consistent)).toEqual(['money_mismatch']);
  });

  test('a cancelled order that was not refunded', () => {
    const consistent = cancelled();
    const retained = {
      ...consistent,
      events: consistent.events.filter(({ type }) => type !== 'PaymentRefunded'),
      ledger: consistent.ledger.filter(({ kind }) => kind !== 'refunded'),
    };
    expect(check(retained)).toContainEqual({
      check: 'money_mismatch',
      subject: consistent.id,
      detail: `retained ${consistent.order?.totalMinor}, owed 0`,
    });
  });

  test('a cancelled order with live reservations', () => {
    const consistent = cancelled();
    const held = {
      ...consistent,
      events: consistent.events.filter(({ type }) => type !== 'StockReleased'),
      reservations: consistent.reservations.map((row) => ({ ...row, state: 'held' })),
    };
    expect(codes(held)).toEqual(['reservation_mismatch']);
  });

  test('a confirmed order without reservations', () => {
    const consistent = confirmed();
    const none = {
      ...consistent,
      events: consistent.events.filter(({ type }) => type !== 'StockReserved'),
      reservations: [],
    };
    expect(codes(none)).toEqual(['reservation_mismatch']);
  });
});
