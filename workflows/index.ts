/**
 * The entry of the workflow bundle. It is loaded once for all workflows of a worker (workers/bundle.ts), so no module of
 * the bundle may have mutable state.
 */

export { importProducts } from './catalogue/import-products';
export { deliverNotifications } from './notifications/deliver-notifications';
export { order } from './orders/order';
export { reconcileOrders } from './reconciliation/reconcile-orders';

/**
 * The SDK records the stack of every promise for the Web UI, and each source-mapped frame costs as much as the promise.
 * Five frames are enough to locate an await.
 */
Error.stackTraceLimit = 5;
