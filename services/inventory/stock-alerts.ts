import type { Tx } from '../../db/core/connect';
import type { Store } from '../../db/core/store';
import { type AuditContext, stockAlertRaised } from '../../domain/inventory/stock-events';
import { detectStockAlert, type StockItem } from '../../domain/inventory/stock-item';
import { stockStream } from '../../domain/shared/ids';

/**
 * Tells, once, of each product that has become low or is no longer: to be called in the transaction that changed the
 * levels or the thresholds, which holds the locks on these products.
 * @param items the products as they are now.
 */
export async function recordStockAlerts(
  { stockItems, log }: Pick<Store, 'stockItems' | 'log'>,
  items: readonly StockItem[],
  cause: AuditContext,
  tx: Tx,
): Promise<void> {
  // Streams are locked in the order of the products, as the products are.
  for (const item of items) {
    const crossing = detectStockAlert(item);
    if (crossing === null) continue;
    await stockItems.recordStockAlert(item.sku, crossing, cause.atMs, tx);
    const n = crossing === 'low' ? item.crossings + 1 : item.crossings;
    const head = await log.lockHead(stockStream(item.sku), tx);
    await log.append(head, [stockAlertRaised(item, crossing, n, cause)], tx);
  }
}
