import type { Store } from '../../db/core/store';
import { type AuditContext, stockThresholdSet } from '../../domain/inventory/stock-events';
import type { StockItem } from '../../domain/inventory/stock-item';
import { AppError } from '../../domain/shared/errors';
import { stockStream } from '../../domain/shared/ids';
import { recordStockAlerts } from './stock-alerts';

/**
 * Sets from how many units on a product is low; null: it never is. The same again changes nothing.
 * @returns the product as it is then.
 * @throws AppError `not_found`
 */
export const setThreshold = (
  store: Store,
  sku: string,
  threshold: number | null,
  cause: AuditContext,
): Promise<StockItem> =>
  store.db.write(async (tx) => {
    const { products, stockItems, log } = store;
    if (!(await products.exists(sku, tx))) throw new AppError('not_found', 'There is no such product.');
    const before = await stockItems.lockOrCreate(sku, tx);
    if (before.threshold === threshold) return before;
    const version = await stockItems.setThreshold(sku, threshold, tx);
    const item = { ...before, threshold };
    await log.append(await log.lockHead(stockStream(sku), tx), [stockThresholdSet(item, version, cause)], tx);
    await recordStockAlerts(store, [item], cause, tx);
    const [after] = await stockItems.lock([sku], tx);
    return after ?? item;
  });
