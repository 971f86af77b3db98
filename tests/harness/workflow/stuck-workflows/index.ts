/** What a bad deployment looks like: no order can go on. Reconciliation itself can. */
export { reconcileOrders } from '../../../../workflows/reconciliation/reconcile-orders';

export async function order(): Promise<never> {
  throw new Error('a fault of the program');
}
