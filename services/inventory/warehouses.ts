import { isDuplicate, type Tx } from '../../db/core/connect';
import type { Store } from '../../db/core/store';
import { type AuditContext, warehouseCreated, warehouseUpdated } from '../../domain/inventory/stock-events';
import type { Warehouse } from '../../domain/inventory/warehouse';
import { AppError } from '../../domain/shared/errors';
import { warehouseStream } from '../../domain/shared/ids';
import { recordStockAlerts } from './stock-alerts';

/** Products checked in one transaction: others wait for the locks of one page only. */
const PAGE_SIZE = 200;

/** @throws AppError `warehouse_exists` */
export async function createWarehouse(
  { db, warehouses, log }: Store,
  input: Omit<Warehouse, 'version'>,
  audit: AuditContext,
): Promise<Warehouse> {
  const warehouse = { ...input, version: 1 };
  try {
    await db.write(async (tx) => {
      await warehouses.add(warehouse, tx);
      const head = await log.lockHead(warehouseStream(warehouse.code), tx);
      await log.append(head, [warehouseCreated(warehouse, audit)], tx);
    });
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    throw new AppError('warehouse_exists', `Warehouse ${input.code} already exists. Use another code.`, {
      errors: [{ pointer: '/code', detail: 'is taken' }],
    });
  }
  return warehouse;
}

export const warehouseNotFound = () => new AppError('not_found', 'This warehouse does not exist.');

/**
 * Changes a warehouse. Once it returns, an inactive warehouse serves no new order; its stock and reservations stay.
 * Idempotent: a repeated request completes the alerts of one that was interrupted.
 * @param isExpected whether the stored version meets the caller's precondition; checked only when something changes.
 * @param pageRows products checked in one transaction.
 * @throws AppError `not_found`, `precondition_failed`
 */
export async function updateWarehouse(
  store: Store,
  input: Omit<Warehouse, 'version'>,
  isExpected: (version: number) => boolean,
  audit: AuditContext,
  pageRows = PAGE_SIZE,
): Promise<Warehouse> {
  const warehouse = await store.db.write((tx) => applyWarehouseUpdate(store, input, isExpected, audit, tx));
  await recordWarehouseStockAlerts(store, warehouse.code, audit, pageRows);
  return warehouse;
}

async function applyWarehouseUpdate(
  { warehouses, log }: Store,
  input: Omit<Warehouse, 'version'>,
  isExpected: (version: number) => boolean,
  audit: AuditContext,
  tx: Tx,
): Promise<Warehouse> {
  const before = await warehouses.lock(input.code, 'update', tx);
  if (before === null) throw warehouseNotFound();
  const { name, country, active } = before;
  // Before the precondition (allowed by RFC 9110, 13.1.1): a repeated request names the version before its own change.
  if (input.name === name && input.country === country && input.active === active) return before;
  if (!isExpected(before.version)) {
    throw new AppError('precondition_failed', 'The warehouse has changed since it was read. Read it again.', {
      version: before.version,
    });
  }
  const warehouse = { ...input, version: before.version + 1 };
  await warehouses.update(warehouse, tx);
  const head = await log.lockHead(warehouseStream(warehouse.code), tx);
  await log.append(head, [warehouseUpdated(warehouse, audit)], tx);
  return warehouse;
}

/**
 * Records stock alerts for all products of a warehouse, page by page. The lock on each product waits for transactions that
 * read the warehouse before its change.
 */
async function recordWarehouseStockAlerts(
  store: Store,
  code: string,
  audit: AuditContext,
  pageRows: number,
): Promise<void> {
  const { db, warehouses, stockItems } = store;
  for (let after: string | undefined = ''; after !== undefined; ) {
    const from: string = after;
    after = await db.write(async (tx) => {
      const skus = await warehouses.listSkus(code, from, pageRows, tx);
      await recordStockAlerts(store, await stockItems.lock(skus, tx), audit, tx);
      return skus.at(-1);
    });
  }
}
