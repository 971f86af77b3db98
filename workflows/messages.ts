import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { ImportCounts, ImportOutcome } from '../domain/catalogue/product-import';
import type { Actor, Order, OrderStatus } from '../domain/orders/order';
import type { ImportPolicy, OrderPolicy, ReconcilePolicy } from '../domain/shared/policy';

/** The names people and programs speak to an order by. They are public: changing one breaks what is running. */

export const ORDER_WORKFLOW = 'order';
export const DELIVERY_WORKFLOW = 'deliverNotifications';
export const RECONCILE_WORKFLOW = 'reconcileOrders';
export const IMPORT_WORKFLOW = 'importProducts';

/** Waits until the placement is decided. Sent with the start of the workflow, always under the same update id. */
export const placement = defineUpdate<Order>('placement');
export const PLACEMENT_UPDATE_ID = 'placement';

/** Asks for cancellation: `{"reason"?: string, "requestedBy"?: string}`, or nothing. */
export const cancelOrder = defineSignal<[request?: unknown]>('cancelOrder');

/** The whole order as its workflow knows it. */
export const getOrder = defineQuery<Order>('getOrder');

/** The queues an order's activities run on: all the same on one machine, apart in a large shop. */
export interface TaskQueues {
  orders: string;
  payments: string;
  notifications: string;
}

/** `single`: one machine runs everything, activities start without a trip through the server. `split`: a queue each. */
export type QueueLayout = 'single' | 'split';

/** @param prefix tells apart systems that share a namespace. */
export function taskQueues(layout: QueueLayout, prefix = ''): TaskQueues {
  const name = (queue: keyof TaskQueues) => `${prefix}${layout === 'single' ? 'orders' : queue}`;
  return { orders: name('orders'), payments: name('payments'), notifications: name('notifications') };
}

/** Input of the order workflow. No personal data: the order's contact is found by its id. */
export interface OrderInput {
  /** As placed: priced, nothing reserved or paid. */
  order: Order;
  /** Left out by orders of before it was told. */
  placedBy?: Actor;
  /** The provider's reference of a payment method (`pm_…`), never card data. */
  paymentMethod: string;
  queues: TaskQueues;
  policy: OrderPolicy;
}

/** Input of a delivery: the notifications to send. */
export interface DeliveryInput {
  notificationIds: string[];
  queue: string;
  policy: DeliveryPolicy;
}

/** Milliseconds. */
export interface DeliveryPolicy {
  /** How long a message is tried before it counts as failed. */
  deadlineMs: number;
  attemptTimeoutMs: number;
  retryInitialMs: number;
  retryMaxMs: number;
}

export const DEFAULT_DELIVERY_POLICY: DeliveryPolicy = {
  deadlineMs: 72 * 60 * 60_000,
  attemptTimeoutMs: 5 * 60_000,
  retryInitialMs: 1_000,
  retryMaxMs: 5 * 60_000,
};

/** Where orders that may need repair are found: Temporal's lists, what was found before, open orders by their status. */
export type CandidateSource = 'failed' | 'not_created' | 'findings' | OrderStatus;

/** Source → where its next page begins. */
export type CandidateCursors = Partial<Record<CandidateSource, string>>;

/** How far reconciliation has come, handed from each run to the next. */
export interface ReconcileProgress {
  /** Temporal's lists were read up to here, milliseconds. */
  listedToMs: number;
  /** Open orders were looked at up to here: a long list is gone through in many runs. */
  open: CandidateCursors;
}

/** Input of reconciliation. */
export interface ReconcileInput {
  policy: ReconcilePolicy;
  /** Of a run that goes on where the one before stopped. */
  checkpoint?: { since: ReconcileProgress; pages: CandidateCursors; result: ReconcileResult };
}

/** What one run of reconciliation did. */
export interface ReconcileResult {
  checked: number;
  restarted: number;
  flagged: number;
  resolved: number;
  /** Some of the orders that were restarted or flagged. */
  orders: string[];
  progress: ReconcileProgress;
}

/** What reconciliation writes into the memo of a workflow that it starts again. */
export interface RestartMemo {
  restartedBecause: string;
  /** The run before, where Temporal knew one. */
  restartedAfterRun: string | null;
}

/** Input of an import of products. The file is in SQL. */
export interface ImportInput {
  importId: string;
  policy: ImportPolicy;
}

/** How an import ended. */
export interface ImportResult extends ImportCounts {
  status: ImportOutcome;
  rows: number;
  doneRows: number;
}

export const searchAttributes = {
  status: defineSearchAttributeKey('OrderStatus', SearchAttributeType.KEYWORD),
  payment: defineSearchAttributeKey('PaymentStatus', SearchAttributeType.KEYWORD),
  customer: defineSearchAttributeKey('CustomerId', SearchAttributeType.KEYWORD),
  total: defineSearchAttributeKey('OrderTotal', SearchAttributeType.INT),
  currency: defineSearchAttributeKey('OrderCurrency', SearchAttributeType.KEYWORD),
  attention: defineSearchAttributeKey('NeedsAttention', SearchAttributeType.BOOL),
};
