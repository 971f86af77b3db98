import { isDuplicate, type Tx } from '../../db/core/connect';
import type { Store } from '../../db/core/store';
import { type AuditContext, warehouseCreated, warehouseUpdated } from '../../domain/inventory/stock-events';
import type { Warehouse } from '../../domain/inventory/warehouse';
import { AppError } from '../../domain/shared/errors';
import { warehouseStream } from '../../domain/shared/ids';
import { recordStockAlerts } from './stock-alerts';

/** Products that one transaction looks at: nobody waits for a whole warehouse. */
const PAGE_SIZE = 200;

/** @throws AppError `warehouse_exists` */
export async function createWarehouse(
  { db, warehouses, log }: Store,
  wanted: Omit<Warehouse, 'version'>,
  cause: AuditContext,
): Promise<Warehouse> {
  const warehouse = { ...wanted, version: 1 };
  try {
    await db.write(async (tx) => {
      await warehouses.add(warehouse, tx);
      const head = await log.lockHead(warehouseStream(warehouse.code), tx);
      await log.append(head, [warehouseCreated(warehouse, cause)], tx);
    });
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    throw new AppError('warehouse_exists', `There is a warehouse ${wanted.code} already.`, {
      errors: [{ pointer: '/code', detail: 'is taken' }],
    });
  }
  return warehouse;
}

export const warehouseNotFound = () => new AppError('not_found', 'There is no such warehouse.');

/**
 * Changes a warehouse. One that is made inactive serves no order from the moment this returns; its stock stays, reserved
 * and not. The same again changes nothing, and finishes what broke off: whoever got no answer sends the request again.
 * @param seen whether the version that is there is one that the caller has seen. Asked only where something changes.
 * @param pageRows products looked at in one transaction.
 * @throws AppError `not_found`, `precondition_failed`
 */
export async function updateWarehouse(
  store: Store,
  wanted: Omit<Warehouse, 'version'>,
  seen: (version: number) => boolean,
  cause: AuditContext,
  pageRows = PAGE_SIZE,
): Promise<Warehouse> {
  const warehouse = await store.db.write((tx) => applyWarehouseUpdate(store, wanted, seen, cause, tx));
  await recordWarehouseStockAlerts(store, warehouse.code, cause, pageRows);
  return warehouse;
}

async function applyWarehouseUpdate(
  { warehouses, log }: Store,
  wanted: Omit<Warehouse, 'version'>,
  seen: (version: number) => boolean,
  cause: AuditContext,
  tx: Tx,
): Promise<Warehouse> {
  const before = await warehouses.lock(wanted.code, 'update', tx);
  if (before === null) throw warehouseNotFound();
  const { name, country, active } = before;
  // Before the precondition (RFC 9110, 13.1.1 allows it): the version that was seen may be the one before this change.
  if (wanted.name === name && wanted.country === country && wanted.active === active) return before;
  if (!seen(before.version)) {
    throw new AppError(
      'precondition_failed',
      'The warehouse has changed since you have seen it. Read it again.',
      {
        version: before.version,
      },
    );
  }
  const warehouse = { ...wanted, version: before.version + 1 };
  await warehouses.update(warehouse, tx);
  const head = await log.lockHead(warehouseStream(warehouse.code), tx);
  await log.append(head, [warehouseUpdated(warehouse, cause)], tx);
  return warehouse;
}

/**
 * Tells which products have become low or are no longer, page by page, each of them as it is by then. Each is locked for
 * it: whoever had seen the warehouse as it was before has committed, too, once this is over.
 */
async function recordWarehouseStockAlerts(
  store: Store,
  code: string,
  cause: AuditContext,
  pageRows: number,
): Promise<void> {
  const { db, warehouses, stockItems } = store;
  for (let after: string | undefined = ''; after !== undefined; ) {
    const from: string = after;
    after = await db.write(async (tx) => {
      const skus = await warehouses.listSkus(code, from, pageRows, tx);
      await recordStockAlerts(store, await stockItems.lock(skus, tx), cause, tx);
      return skus.at(-1);
    });
  }
}
