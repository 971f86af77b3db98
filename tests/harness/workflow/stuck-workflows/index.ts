/** A broken deployment: each order's workflow task fails, reconciliation still works. */
export { reconcileOrders } from '../../../../workflows/reconciliation/reconcile-orders';

export async function order(): Promise<never> {
  throw new Error('broken workflow code');
}
