/**
 * What Temporal bundles: every workflow there is. Loaded once for all workflows of a worker instead of once for each
 * (workers/bundle.ts), so no module here or below keeps anything that a workflow could leave to the next.
 */
export { deliverNotifications } from './deliver-notifications';
export { importProducts } from './import-products';
export { order } from './order';
export { reconcileOrders } from './reconcile';

/**
 * The SDK writes down the call stack of every promise that is made, for the call stack in the Web UI, and a translated
 * frame costs as much as the promise. Five tell where a workflow waits.
 */
Error.stackTraceLimit = 5;
