import type { OrderActivities } from '../../../activities/orders';
import type { StreamHead } from '../../../db/events/event-log';
import type { Cancellation, Order, Rejection } from '../../../domain/orders/order';
import * as changes from '../../../domain/orders/order-changes';
import { buildPayment, newOrder } from './sample-orders';

type ActivityResult = { head: StreamHead; outcome?: string };

export interface OrderActivityCase {
  name: keyof OrderActivities;
  variant?: string;
  /** Runs the preceding activities. @returns the order after them. */
  setup(a: OrderActivities): Promise<Order>;
  /** Runs the activity with all times `lateMs` later. */
  run(a: OrderActivities, order: Order, lateMs: number): Promise<ActivityResult>;
  /** What the activity returns first, and when it is repeated; `recorded` by default. */
  expectedOutcomes?: [first: string, repeated: string];
  /** The last part of the key of each event it adds. */
  expectedEvents: string[];
}

const cancellation: Cancellation = {
  reason: 'changed my mind',
  requestedBy: { kind: 'signal', claim: 'ops' },
  requestedAtMs: 1,
};
const declined: Rejection = { code: 'payment_declined', detail: 'Declined.', declineCode: 'generic_decline' };
export const nextTimestamp = (order: Order) => order.updatedAtMs + 1;

export async function createOpenOrder(a: OrderActivities, reserve = true): Promise<Order> {
  const order = newOrder([
    ['walnut-desk', 2],
    ['desk-lamp', 1],
  ]);
  await a.createOrder({ order, reserve });
  return order;
}
async function createConfirmedOrder(a: OrderActivities): Promise<Order> {
  const order = await createOpenOrder(a);
  const after = changes.confirmOrder(order, nextTimestamp(order));
  await a.confirmOrder({ order: after, paid: buildPayment(order) });
  return { ...after, payment: 'paid' };
}
export async function createCancellingOrder(a: OrderActivities): Promise<Order> {
  const order = await createConfirmedOrder(a);
  const after = changes.startCancellation(order, cancellation, nextTimestamp(order));
  await a.startCancellation({ order: after, cancellation });
  return { ...after, payment: 'refund_pending' };
}
async function createCancellingPlacement(a: OrderActivities): Promise<Order> {
  const order = await createOpenOrder(a);
  const after = changes.startCancellation(order, cancellation, nextTimestamp(order));
  await a.startCancellation({ order: after, cancellation });
  return after;
}
const delayOrder = (order: Order, ms: number): Order => ({ ...order, updatedAtMs: order.updatedAtMs + ms });
export const buildDeclinedAttempt = (order: Order) => {
  const { attempt, provider, intentId } = buildPayment(order);
  return { outcome: 'declined' as const, attempt, provider, intentId, declineCode: 'generic_decline' };
};
const attention = { step: 'reversePayment', detail: 'The provider does not respond.', sinceMs: 5 };

export const ORDER_ACTIVITY_CASES: readonly OrderActivityCase[] = [
  {
    name: 'createOrder',
    variant: 'with a reservation',
    setup: async () => newOrder([['walnut-desk', 3]]),
    run: (a, order, ms) => a.createOrder({ order: delayOrder(order, ms), reserve: true }),
    expectedOutcomes: ['created', 'exists'],
    expectedEvents: ['created', 'reserved'],
  },
  {
    name: 'createOrder',
    variant: 'without a reservation',
    setup: async () => newOrder([['walnut-desk', 3]]),
    run: (a, order, ms) => a.createOrder({ order: delayOrder(order, ms), reserve: false }),
    expectedOutcomes: ['created', 'exists'],
    expectedEvents: ['created'],
  },
  {
    name: 'createOrder',
    variant: 'out of stock',
    setup: async () => newOrder([['limited-1', 2]]),
    run: (a, order, ms) => a.createOrder({ order: delayOrder(order, ms), reserve: true }),
    expectedOutcomes: ['rejected', 'exists'],
    expectedEvents: ['created', 'rejected'],
  },
  {
    name: 'confirmOrder',
    setup: createOpenOrder,
    run: (a, order, ms) =>
      a.confirmOrder({
        order: delayOrder(changes.confirmOrder(order, nextTimestamp(order)), ms),
        paid: buildPayment(order),
      }),
    expectedEvents: ['pay:1:succeeded', 'confirmed'],
  },
  {
    name: 'rejectOrder',
    variant: 'declined',
    setup: createOpenOrder,
    run: (a, order, ms) =>
      a.rejectOrder({
        order: delayOrder(changes.rejectOrder(order, declined, nextTimestamp(order)), ms),
        payment: buildDeclinedAttempt(order),
      }),
    expectedEvents: ['pay:1:failed', 'rejected'],
  },
  {
    name: 'startCancellation',
    variant: 'of a placed order',
    setup: createOpenOrder,
    run: (a, order, ms) =>
      a.startCancellation({
        order: delayOrder(changes.startCancellation(order, cancellation, nextTimestamp(order)), ms),
        cancellation,
      }),
    expectedEvents: ['cancelling'],
  },
  {
    name: 'startCancellation',
    variant: 'of a confirmed order',
    setup: createConfirmedOrder,
    run: (a, order, ms) =>
      a.startCancellation({
        order: delayOrder(changes.startCancellation(order, cancellation, nextTimestamp(order)), ms),
        cancellation,
      }),
    expectedEvents: ['cancelling'],
  },
  {
    name: 'releaseStock',
    setup: createOpenOrder,
    run: (a, order, ms) => a.releaseStock({ orderId: order.id, atMs: nextTimestamp(order) + ms }),
    expectedEvents: ['released'],
  },
  {
    name: 'recordPaymentReversal',
    setup: createCancellingOrder,
    run: (a, order, ms) =>
      a.recordPaymentReversal({
        order: delayOrder(changes.recordPaymentReversal(order, nextTimestamp(order)), ms),
        reversal: { ...buildPayment(order), outcome: 'refunded' },
      }),
    expectedEvents: ['refunded'],
  },
  {
    name: 'recordPaymentReversal',
    variant: 'of a payment whose capture is not recorded',
    setup: createCancellingPlacement,
    run: (a, order, ms) =>
      a.recordPaymentReversal({
        order: delayOrder(changes.recordPaymentReversal(order, nextTimestamp(order)), ms),
        reversal: { ...buildPayment(order), outcome: 'refunded' },
      }),
    expectedEvents: ['pay:1:succeeded', 'refunded'],
  },
  {
    name: 'finishCancellation',
    setup: createCancellingOrder,
    run: (a, order, ms) =>
      a.finishCancellation({
        order: delayOrder(changes.finishCancellation(order, nextTimestamp(order)), ms),
      }),
    expectedEvents: ['cancelled'],
  },
  {
    name: 'recordAttention',
    setup: createCancellingOrder,
    run: (a, order, ms) =>
      a.recordAttention({
        order,
        attention,
        step: attention.step,
        atMs: nextTimestamp(order) + ms,
      }),
    expectedEvents: [`attention:4:${attention.sinceMs}`],
  },
  {
    name: 'recordCancellationRejection',
    setup: createCancellingOrder,
    run: (a, order, ms) =>
      a.recordCancellationRejection({
        order: delayOrder(order, ms),
        request: cancellation,
        sequence: 1,
        reason: 'It is being cancelled.',
      }),
    expectedEvents: ['cancellation-rejected:signal:1'],
  },
];
