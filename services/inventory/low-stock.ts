import type { Tx } from '../../db/core/connect';
import type { Store } from '../../db/core/store';
import { type Cause, crossed } from '../../domain/inventory/stock-events';
import { crossingOf, type StockItem } from '../../domain/inventory/stock-item';
import { stockStream } from '../../domain/shared/ids';

/**
 * Tells, once, of each product that has become low or is no longer: to be called in the transaction that changed the
 * levels or the thresholds, which holds the locks on these products.
 * @param items the products as they are now.
 */
export async function tellCrossings(
  { stockItems, log }: Pick<Store, 'stockItems' | 'log'>,
  items: readonly StockItem[],
  cause: Cause,
  tx: Tx,
): Promise<void> {
  // Streams are locked in the order of the products, as the products are.
  for (const item of items) {
    const crossing = crossingOf(item);
    if (crossing === null) continue;
    await stockItems.cross(item.sku, crossing, cause.atMs, tx);
    const n = crossing === 'low' ? item.crossings + 1 : item.crossings;
    const head = await log.lock(stockStream(item.sku), tx);
    await log.append(head, [crossed(item, crossing, n, cause)], tx);
  }
}
