import type { StockAllocation } from '../inventory/allocation';
import type { DomainEvent, EventType } from '../shared/events';
import { eventKey, reservationId } from '../shared/ids';
import type { Actor, Attention, Cancellation, Order } from './order';

/** The events of an order's steps. Each is built from the order as it stands after the step. */

const SYSTEM: Actor = { kind: 'system' };
const PROVIDER: Actor = { kind: 'provider' };

/** An order as its decision events keep it: `updatedAtMs` is the event's own time. */
export type OrderSnapshot = Omit<Order, 'updatedAtMs'>;

/** A payment the provider has settled one way or the other. Amounts in minor units of the order's currency. */
export interface SettledPayment {
  attempt: number;
  provider: string;
  intentId: string;
  amountMinor: number;
}

const event = (
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

const snapshot = ({ updatedAtMs: _, ...rest }: Order): OrderSnapshot => rest;

/** The steps that answer a placement, whichever comes first. */
export const decisionKeys = (orderId: string): string[] =>
  ['confirmed', 'rejected', 'cancelling'].map((step) => eventKey(orderId, step));

export const orderCreated = (order: Order, placedBy: Actor): DomainEvent =>
  event(
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

const reservations = (orderId: string, allocations: readonly StockAllocation[]) =>
  allocations.map((a) => ({ token: reservationId(orderId, a.line, a.warehouse), ...a }));

export const stockReserved = (order: Order, allocations: readonly StockAllocation[]): DomainEvent =>
  event(order, 'reserved', 'StockReserved', { reservations: reservations(order.id, allocations) });

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
  data: { reservations: reservations(orderId, allocations) },
});

export const paymentSucceeded = (order: Order, paid: SettledPayment): DomainEvent =>
  event(
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
  event(
    order,
    `pay:${failed.attempt}:failed`,
    'PaymentFailed',
    { ...failed, amountMinor: order.totalMinor, currency: order.currency },
    PROVIDER,
  );

export const paymentVoided = (order: Order, voided: { provider: string; intentId: string }): DomainEvent =>
  event(order, 'voided', 'PaymentVoided', voided, PROVIDER);

export const paymentRefunded = (
  order: Order,
  refund: { provider: string; intentId: string; amountMinor: number },
): DomainEvent =>
  event(order, 'refunded', 'PaymentRefunded', { ...refund, currency: order.currency }, PROVIDER);

export const orderConfirmed = (order: Order): DomainEvent =>
  event(order, 'confirmed', 'OrderConfirmed', { order: snapshot(order) });

export const orderRejected = (order: Order): DomainEvent =>
  event(order, 'rejected', 'OrderRejected', { order: snapshot(order) });

export const orderCancelling = (order: Order, cancellation: Cancellation): DomainEvent =>
  event(order, 'cancelling', 'OrderCancelling', { order: snapshot(order) }, cancellation.requestedBy);

export const orderCancelled = (order: Order): DomainEvent =>
  event(
    order,
    'cancelled',
    'OrderCancelled',
    { order: snapshot(order) },
    order.cancellation?.requestedBy ?? SYSTEM,
  );

/** @param n counts the refusals of that kind of asker: in a run that is repeated another kind may come before it. */
export const cancellationRefused = (
  order: Order,
  refused: Cancellation,
  n: number,
  why: string,
): DomainEvent =>
  event(
    order,
    `cancellation-refused:${refused.requestedBy.kind}:${n}`,
    'CancellationRefused',
    { reason: refused.reason, why },
    refused.requestedBy,
  );

export const needsAttention = (order: Order, attention: Attention): DomainEvent =>
  // A run that was reset may have told of the same version with other words.
  event(order, `attention:${order.version}:${attention.sinceMs}`, 'OrderNeedsAttention', {
    step: attention.step,
    detail: attention.detail,
  });

export const attentionResolved = (order: Order, step: string): DomainEvent =>
  event(order, `attention-resolved:${order.version}`, 'OrderAttentionResolved', { step });
