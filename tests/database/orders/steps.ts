import type { OrderActivities } from '../../../activities/orders';
import type { StreamHead } from '../../../db/events/event-log';
import type { Cancellation, Order, Rejection } from '../../../domain/orders/order';
import * as changes from '../../../domain/orders/order-changes';
import { newOrder, paymentOf } from './sample-orders';

type Answer = { head: StreamHead; outcome?: string };

export interface Step {
  name: keyof OrderActivities;
  case?: string;
  /** The steps before it. @returns the order as it is then. */
  before(a: OrderActivities): Promise<Order>;
  /** The step, as it is when `lateMs` later. */
  run(a: OrderActivities, order: Order, lateMs: number): Promise<Answer>;
  outcome?: string;
  /** The events it adds, by the last part of their key. */
  adds: string[];
}

const cancellation: Cancellation = {
  reason: 'changed my mind',
  requestedBy: { kind: 'signal', claim: 'ops' },
  requestedAtMs: 1,
};
const declined: Rejection = { code: 'payment_declined', detail: 'Declined.', declineCode: 'generic_decline' };
export const next = (order: Order) => order.updatedAtMs + 1;

export async function opened(a: OrderActivities, reserve = true): Promise<Order> {
  const order = newOrder([
    ['walnut-desk', 2],
    ['desk-lamp', 1],
  ]);
  await a.openOrder({ order, reserve });
  return order;
}
async function confirmed(a: OrderActivities): Promise<Order> {
  const order = await opened(a);
  const after = changes.confirmOrder(order, 'paid', next(order));
  await a.confirmOrder({ order: after, paid: paymentOf(order) });
  return after;
}
export async function cancelling(a: OrderActivities): Promise<Order> {
  const order = await confirmed(a);
  const after = changes.beginCancellation(order, cancellation, 'refund_pending', next(order));
  await a.beginCancellation({ order: after, cancellation });
  return after;
}
const late = (order: Order, ms: number): Order => ({ ...order, updatedAtMs: order.updatedAtMs + ms });
export const declinedAttempt = (order: Order) => {
  const { attempt, provider, intentId } = paymentOf(order);
  return { outcome: 'declined' as const, attempt, provider, intentId, declineCode: 'generic_decline' };
};
const attention = { step: 'undoPayment', detail: 'The provider does not answer.', sinceMs: 5 };

export const STEPS: readonly Step[] = [
  {
    name: 'openOrder',
    case: 'with its stock',
    before: async () => newOrder([['walnut-desk', 3]]),
    run: (a, order, ms) => a.openOrder({ order: late(order, ms), reserve: true }),
    adds: ['created', 'reserved'],
  },
  {
    name: 'openOrder',
    case: 'without stock',
    before: async () => newOrder([['walnut-desk', 3]]),
    run: (a, order, ms) => a.openOrder({ order: late(order, ms), reserve: false }),
    adds: ['created'],
  },
  {
    name: 'openOrder',
    case: 'out of stock',
    before: async () => newOrder([['limited-1', 2]]),
    run: (a, order, ms) => a.openOrder({ order: late(order, ms), reserve: true }),
    outcome: 'out_of_stock',
    adds: ['created', 'rejected'],
  },
  {
    name: 'confirmOrder',
    before: opened,
    run: (a, order, ms) =>
      a.confirmOrder({
        order: late(changes.confirmOrder(order, 'paid', next(order)), ms),
        paid: paymentOf(order),
      }),
    adds: ['pay:1:succeeded', 'confirmed'],
  },
  {
    name: 'rejectOrder',
    case: 'declined',
    before: opened,
    run: (a, order, ms) =>
      a.rejectOrder({
        order: late(changes.rejectOrder(order, declined, 'failed', next(order)), ms),
        attempt: declinedAttempt(order),
      }),
    adds: ['pay:1:failed', 'rejected'],
  },
  {
    name: 'beginCancellation',
    case: 'while a payment is under way that then succeeds',
    before: opened,
    run: (a, order, ms) =>
      a.beginCancellation({
        order: late(changes.beginCancellation(order, cancellation, 'refund_pending', next(order)), ms),
        cancellation,
        attempt: { outcome: 'captured', paid: paymentOf(order) },
      }),
    adds: ['pay:1:succeeded', 'cancelling'],
  },
  {
    name: 'beginCancellation',
    case: 'of a confirmed order, with the payment that is recorded already',
    before: confirmed,
    run: (a, order, ms) =>
      a.beginCancellation({
        order: late(changes.beginCancellation(order, cancellation, 'refund_pending', next(order)), ms),
        cancellation,
        attempt: { outcome: 'captured', paid: paymentOf(order) },
      }),
    adds: ['cancelling'],
  },
  {
    name: 'releaseStock',
    before: opened,
    run: (a, order, ms) => a.releaseStock({ orderId: order.id, atMs: next(order) + ms }),
    adds: ['released'],
  },
  {
    name: 'recordPaymentUndo',
    before: cancelling,
    run: (a, order, ms) =>
      a.recordPaymentUndo({
        order: late(changes.undoPayment(order, 'refunded', next(order)), ms),
        undo: { ...paymentOf(order), outcome: 'refunded' },
      }),
    adds: ['refunded'],
  },
  {
    name: 'finishCancellation',
    before: cancelling,
    run: (a, order, ms) =>
      a.finishCancellation({ order: late(changes.finishCancellation(order, next(order)), ms) }),
    adds: ['cancelled'],
  },
  {
    name: 'recordAttention',
    before: cancelling,
    run: (a, order, ms) =>
      a.recordAttention({
        order: late(changes.setAttention(order, attention, next(order)), ms),
        attention,
        step: attention.step,
      }),
    adds: [`attention:4:${attention.sinceMs}`],
  },
  {
    name: 'recordRefusal',
    before: cancelling,
    run: (a, order, ms) =>
      a.recordRefusal({ order: late(order, ms), refused: cancellation, n: 1, why: 'It is being cancelled.' }),
    adds: ['cancellation-refused:signal:1'],
  },
];
