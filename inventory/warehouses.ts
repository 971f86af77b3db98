import { isDuplicate, type Tx } from '../db/connect';
import type { Store } from '../db/store';
import { Failure } from '../domain/failures';
import { warehouseStream } from '../domain/ids';
import { type Cause, warehouseCreated, warehouseUpdated } from '../domain/stock-events';
import type { Warehouse } from '../domain/warehouse';
import { tellCrossings } from './low-stock';

/** Products whose stock is opened or closed at once: what memory holds does not grow with the warehouse. */
const PAGE = 200;

/** @throws Failure `warehouse_exists` */
export async function createWarehouse(
  { db, warehouses, log }: Store,
  wanted: Omit<Warehouse, 'version'>,
  cause: Cause,
): Promise<Warehouse> {
  const warehouse = { ...wanted, version: 1 };
  try {
    await db.write(async (tx) => {
      await warehouses.add(warehouse, tx);
      const head = await log.lock(warehouseStream(warehouse.code), tx);
      await log.append(head, [warehouseCreated(warehouse, cause)], tx);
    });
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    throw new Failure('warehouse_exists', `There is a warehouse ${wanted.code} already.`, {
      errors: [{ pointer: '/code', detail: 'is taken' }],
    });
  }
  return warehouse;
}

/**
 * Changes a warehouse. One that is made inactive serves no order from then on; its stock stays, reserved and not. The
 * same again changes nothing.
 * @throws Failure `not_found`
 */
export const updateWarehouse = (
  store: Store,
  wanted: Omit<Warehouse, 'version'>,
  cause: Cause,
): Promise<Warehouse> =>
  store.db.write(async (tx) => {
    const { warehouses, log } = store;
    const before = await warehouses.find(wanted.code, 'update', tx);
    if (before === null) throw new Failure('not_found', 'There is no such warehouse.');
    const { name, country, active } = before;
    if (wanted.name === name && wanted.country === country && wanted.active === active) return before;
    const warehouse = { ...wanted, version: before.version + 1 };
    await warehouses.update(warehouse, tx);
    const head = await log.lock(warehouseStream(warehouse.code), tx);
    await log.append(head, [warehouseUpdated(warehouse, cause)], tx);
    if (warehouse.active !== active) await openOrClose(store, warehouse, cause, tx);
    return warehouse;
  });

/** Page by page in the order of the products, as orders lock them. */
async function openOrClose(store: Store, { code, active }: Warehouse, cause: Cause, tx: Tx): Promise<void> {
  const { warehouses, stockItems } = store;
  for (let after = ''; ; ) {
    const skus = await warehouses.skusIn(code, after, PAGE, tx);
    const last = skus.at(-1);
    if (last === undefined) return;
    const before = await stockItems.lock(skus, tx);
    await warehouses.markStock({ code, active }, skus, tx);
    const items = before.map((item) => ({
      ...item,
      levels: item.levels.map((level) => (level.warehouse === code ? { ...level, active } : level)),
    }));
    await tellCrossings(store, items, cause, tx);
    after = last;
  }
}
