/**
 * What Temporal bundles: every workflow there is. Loaded once for all workflows of a worker instead of once for each
 * (workers/bundle.ts), so no module here or below keeps anything that a workflow could leave to the next.
 */

export { importProducts } from './catalogue/import-products';
export { deliverNotifications } from './notifications/deliver-notifications';
export { order } from './orders/order';
export { reconcileOrders } from './reconciliation/reconcile-orders';

/**
 * The SDK writes down the call stack of every promise that is made, for the call stack in the Web UI, and a translated
 * frame costs as much as the promise. Five tell where a workflow waits.
 */
Error.stackTraceLimit = 5;
