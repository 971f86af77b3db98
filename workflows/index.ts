/** What Temporal bundles: every workflow there is. */
export { deliverNotifications } from './deliver-notifications';
export { importProducts } from './import-products';
export { order } from './order';
export { reconcileOrders } from './reconcile';
