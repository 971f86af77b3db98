import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { Actor, Cancellation, Order } from '../../domain/orders/order';
import type { OrderAction } from '../../domain/orders/transitions';
import type { OrderPolicy } from '../../domain/shared/policy';
import type { TaskQueues } from '../shared/task-queues';

/** The contract of the order workflow. Its names are public: a change breaks running orders and their clients. */

export const ORDER_WORKFLOW = 'order';

/** Returns the order once its placement is decided. Always sent under the same update id. */
export const placement = defineUpdate<Order>('placement');
export const PLACEMENT_UPDATE_ID = 'placement';

/** Requests cancellation. Payload: `{"reason"?: string, "requestedBy"?: string}`, or none. */
export const cancelOrder = defineSignal<[request?: unknown]>('cancelOrder');

/** Returns the whole order from the state of its workflow. */
export const getOrder = defineQuery<Order>('getOrder');

/** A request to change the order. Every message of the workflow becomes one. */
export interface Command {
  action: OrderAction;
  request: Cancellation;
}

/** Input of the order workflow. No personal data: the contact is stored in SQL under the order's id. */
export interface OrderInput {
  /** Priced; nothing reserved or paid. */
  order: Order;
  placedBy: Actor;
  /** The provider's reference of a payment method (`pm_…`), never card data. */
  paymentMethod: string;
  queues: TaskQueues;
  policy: OrderPolicy;
  /** Set when a run continues as new: the commands that it has not handled. */
  commands?: readonly Command[];
}

export interface OrderResult {
  status: Order['status'];
}
