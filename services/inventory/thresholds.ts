import type { Store } from '../../db/core/store';
import { type AuditContext, stockThresholdSet } from '../../domain/inventory/stock-events';
import type { StockItem } from '../../domain/inventory/stock-item';
import { stockStream } from '../../domain/shared/ids';
import { productNotFound } from '../catalogue/products';
import { recordStockAlerts } from './stock-alerts';

/**
 * Sets the number of available units at which a product is low; null: never. Idempotent.
 * @returns the product after the change.
 * @throws AppError `not_found`
 */
export const setThreshold = (
  store: Store,
  sku: string,
  threshold: number | null,
  audit: AuditContext,
): Promise<StockItem> =>
  store.db.write(async (tx) => {
    const { products, stockItems, log } = store;
    if (!(await products.exists(sku, tx))) throw productNotFound();
    const before = await stockItems.lockOrCreate(sku, tx);
    if (before.threshold === threshold) return before;
    const version = await stockItems.setThreshold(sku, threshold, tx);
    const item = { ...before, threshold };
    await log.append(await log.lockHead(stockStream(sku), tx), [stockThresholdSet(item, version, audit)], tx);
    await recordStockAlerts(store, [item], audit, tx);
    const [after] = await stockItems.lock([sku], tx);
    return after ?? item;
  });
