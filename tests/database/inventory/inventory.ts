import { ulid } from 'ulid';
import { select } from '../../../db/core/sql';
import type { Store } from '../../../db/core/store';
import type { AuditContext } from '../../../domain/inventory/stock-events';
import type { OnHandChange } from '../../../domain/inventory/stock-movement';
import type { CloudEvent } from '../../../domain/shared/events';
import { stockStream } from '../../../domain/shared/ids';
import { type Adjustment, type AdjustmentResult, adjustStock } from '../../../services/inventory/adjustments';
import { setThreshold } from '../../../services/inventory/thresholds';
import { updateWarehouse } from '../../../services/inventory/warehouses';
import { queryRows } from '../orders/sample-orders';

export const createStaffAuditContext = (): AuditContext => ({
  actor: { kind: 'staff', id: 'cus_w' },
  atMs: Date.now(),
});

/** Adjusts stock in Berlin with a new idempotency key, unless `options` overrides them. */
export function applyStockAdjustment(
  store: Store,
  sku: string,
  change: OnHandChange,
  options: Partial<Adjustment> & { key?: string; bodyHash?: string } = {},
): Promise<AdjustmentResult> {
  const { key = ulid(), bodyHash = 'same', ...rest } = options;
  const reason = 'countedOnHand' in change ? 'count' : 'correction';
  const adjustment: Adjustment = { sku, warehouse: 'BER', change, reason, note: null, ...rest };
  return adjustStock(
    store,
    ulid(),
    adjustment,
    { caller: 'cus_w', idempotencyKey: key, bodyHash },
    createStaffAuditContext(),
  );
}

export const setStockThreshold = (store: Store, sku: string, threshold: number | null) =>
  setThreshold(store, sku, threshold, createStaffAuditContext());

export const setWarehouseActive = (store: Store, code: string, active: boolean) =>
  updateWarehouse(store, { code, name: code, country: 'DE', active }, () => true, createStaffAuditContext());

/** The stock events of a product, oldest first. */
export const listStockEvents = (store: Store, sku: string): Promise<CloudEvent[]> =>
  listStreamEvents(store, stockStream(sku));

/** The events of a stream, oldest first. */
export async function listStreamEvents(store: Store, stream: string): Promise<CloudEvent[]> {
  const rows = await select<{ body: string }>(
    store.db,
    'SELECT body FROM events WHERE stream = :stream ORDER BY seq',
    { stream },
  );
  return rows.map(({ body }) => JSON.parse(body) as CloudEvent);
}

/** Types of the stock alerts of a product, oldest first. */
export const listStockAlertTypes = async (store: Store, sku: string): Promise<string[]> =>
  (await listStockEvents(store, sku)).map(({ type }) => type).filter((type) => type.startsWith('Inventory'));

export const getStockLevel = async (store: Store, sku: string, warehouse = 'BER') =>
  (await store.stock.findLevels([sku])).find((level) => level.warehouse === warehouse);

/** Stock rows that differ from the sum of their movements, and movements that do not continue the previous one. */
export const findUnexplainedStock = (store: Store): Promise<Record<string, unknown>[]> =>
  queryRows(
    store.db,
    `SELECT s.sku, s.warehouse FROM stock s
     LEFT JOIN (SELECT sku, warehouse, SUM(on_hand_delta) AS moved FROM stock_movements GROUP BY sku, warehouse) m
       ON m.sku = s.sku AND m.warehouse = s.warehouse
     WHERE m.moved IS NULL OR m.moved <> s.on_hand OR s.on_hand < s.reserved
     UNION ALL
     SELECT sku, warehouse FROM (
       SELECT sku, warehouse, on_hand_delta, on_hand_after,
         LAG(on_hand_after) OVER (PARTITION BY sku, warehouse ORDER BY id) AS previous FROM stock_movements
     ) AS chain WHERE on_hand_after <> COALESCE(previous, 0) + on_hand_delta`,
  );
