import type { StockAllocation } from '../inventory/allocation';
import type { DomainEvent, EventType } from '../shared/events';
import { eventKey, reservationId } from '../shared/ids';
import type { Actor, Attention, Cancellation, Order, OrderStatus } from './order';

/** Builders of an order's events. Each takes the order as it is after the step. */

const SYSTEM: Actor = { kind: 'system' };
const PROVIDER: Actor = { kind: 'provider' };

/** An order as stored in its decision events; `updatedAtMs` is the time of the event. */
export type OrderSnapshot = Omit<Order, 'updatedAtMs'>;

/** A payment that the provider has settled. Amounts in minor units of the order's currency. */
export interface SettledPayment {
  attempt: number;
  provider: string;
  intentId: string;
  amountMinor: number;
}

const orderEvent = (
  order: Order,
  step: string,
  type: EventType,
  data: Record<string, unknown>,
  actor: Actor = SYSTEM,
): DomainEvent => ({
  key: eventKey(order.id, step),
  type,
  stream: order.id,
  subject: order.id,
  actor,
  atMs: order.updatedAtMs,
  data,
});

const toSnapshot = ({ updatedAtMs: _, ...rest }: Order): OrderSnapshot => rest;

/** The statuses that decide a placement when an order first enters one of them. */
export const DECISION_STATUSES: readonly OrderStatus[] = ['confirmed', 'rejected', 'cancelling'];

/** Keys of the events that decide a placement, named like the status; the first one recorded is the decision. */
export const decisionEventKeys = (orderId: string): string[] =>
  DECISION_STATUSES.map((status) => eventKey(orderId, status));

export const orderCreated = (order: Order, placedBy: Actor): DomainEvent =>
  orderEvent(
    order,
    'created',
    'OrderCreated',
    {
      customerId: order.customerId,
      currency: order.currency,
      lines: order.lines,
      subtotalMinor: order.subtotalMinor,
      discountMinor: order.discountMinor,
      shippingMethod: order.shippingMethod,
      shippingMinor: order.shippingMinor,
      taxMinor: order.taxMinor,
      totalMinor: order.totalMinor,
      taxIncluded: order.taxIncluded,
    },
    placedBy,
  );

const toReservations = (orderId: string, allocations: readonly StockAllocation[]) =>
  allocations.map((a) => ({ token: reservationId(orderId, a.line, a.warehouse), ...a }));

export const stockReserved = (order: Order, allocations: readonly StockAllocation[]): DomainEvent =>
  orderEvent(order, 'reserved', 'StockReserved', { reservations: toReservations(order.id, allocations) });

export const stockReleased = (
  orderId: string,
  allocations: readonly StockAllocation[],
  atMs: number,
): DomainEvent => ({
  key: eventKey(orderId, 'released'),
  type: 'StockReleased',
  stream: orderId,
  subject: orderId,
  actor: SYSTEM,
  atMs,
  data: { reservations: toReservations(orderId, allocations) },
});

export const paymentSucceeded = (order: Order, paid: SettledPayment): DomainEvent =>
  orderEvent(
    order,
    `pay:${paid.attempt}:succeeded`,
    'PaymentSucceeded',
    { ...paid, currency: order.currency },
    PROVIDER,
  );

export const paymentFailed = (
  order: Order,
  failed: { attempt: number; provider: string | null; intentId: string | null; code: string },
): DomainEvent =>
  orderEvent(
    order,
    `pay:${failed.attempt}:failed`,
    'PaymentFailed',
    { ...failed, amountMinor: order.totalMinor, currency: order.currency },
    PROVIDER,
  );

export const paymentVoided = (order: Order, voided: { provider: string; intentId: string }): DomainEvent =>
  orderEvent(order, 'voided', 'PaymentVoided', voided, PROVIDER);

export const paymentRefunded = (
  order: Order,
  refund: { provider: string; intentId: string; amountMinor: number },
): DomainEvent =>
  orderEvent(order, 'refunded', 'PaymentRefunded', { ...refund, currency: order.currency }, PROVIDER);

export const orderConfirmed = (order: Order): DomainEvent =>
  orderEvent(order, 'confirmed', 'OrderConfirmed', { order: toSnapshot(order) });

export const orderRejected = (order: Order): DomainEvent =>
  orderEvent(order, 'rejected', 'OrderRejected', { order: toSnapshot(order) });

export const orderCancellationStarted = (order: Order, cancellation: Cancellation): DomainEvent =>
  orderEvent(
    order,
    'cancelling',
    'OrderCancellationStarted',
    { order: toSnapshot(order) },
    cancellation.requestedBy,
  );

export const orderCancelled = (order: Order): DomainEvent =>
  orderEvent(
    order,
    'cancelled',
    'OrderCancelled',
    { order: toSnapshot(order) },
    order.cancellation?.requestedBy ?? SYSTEM,
  );

/** @param sequence counts rejections per kind of requester: a replayed run may receive the kinds in another order. */
export const cancellationRejected = (
  order: Order,
  rejected: Cancellation,
  sequence: number,
  why: string,
): DomainEvent =>
  orderEvent(
    order,
    `cancellation-rejected:${rejected.requestedBy.kind}:${sequence}`,
    'CancellationRejected',
    { reason: rejected.reason, why },
    rejected.requestedBy,
  );

export const orderAttentionRequired = (order: Order, attention: Attention): DomainEvent =>
  // The time is part of the key: a reset run may record the same version with another detail.
  orderEvent(order, `attention:${order.version}:${attention.sinceMs}`, 'OrderAttentionRequired', {
    step: attention.step,
    detail: attention.detail,
  });

export const orderAttentionResolved = (order: Order, step: string): DomainEvent =>
  orderEvent(order, `attention-resolved:${order.version}`, 'OrderAttentionResolved', { step });
