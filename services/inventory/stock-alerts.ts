import type { Tx } from '../../db/core/connect';
import type { Store } from '../../db/core/store';
import { type AuditContext, stockAlertRaised } from '../../domain/inventory/stock-events';
import { detectStockAlert, type StockItem } from '../../domain/inventory/stock-item';
import { stockStream } from '../../domain/shared/ids';

/**
 * Records one event for each product that crossed its threshold. Call it in the transaction that changed levels or
 * thresholds, which holds the locks on these products.
 * @param items the products after the change, in lock order.
 */
export async function recordStockAlerts(
  { stockItems, log }: Pick<Store, 'stockItems' | 'log'>,
  items: readonly StockItem[],
  audit: AuditContext,
  tx: Tx,
): Promise<void> {
  for (const item of items) {
    const alert = detectStockAlert(item);
    if (alert === null) continue;
    await stockItems.recordStockAlert(item.sku, alert, audit.atMs, tx);
    const n = alert === 'low' ? item.crossings + 1 : item.crossings;
    const head = await log.lockHead(stockStream(item.sku), tx);
    await log.append(head, [stockAlertRaised(item, alert, n, audit)], tx);
  }
}
