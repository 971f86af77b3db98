import { allocateStock, type StockAllocation } from '../../domain/inventory/allocation';
import type { StockItem, StockLevel } from '../../domain/inventory/stock-item';
import type { Order, StockShortage } from '../../domain/orders/order';
import { reservationId } from '../../domain/shared/ids';
import type { Database, Tx } from '../core/connect';
import { execute, forUpdate, insertRows, type Params, select } from '../core/sql';
import type { StockItems } from './stock-items';

export type ReserveResult =
  /** `items`: the products after the change, locked until the transaction ends. */
  { allocations: StockAllocation[]; items: StockItem[] } | { shortages: StockShortage[] };

export interface ReleaseResult {
  /** What was released; nothing when repeated. */
  allocations: StockAllocation[];
  /** The products after the change, locked until the transaction ends. */
  items: StockItem[];
}

/** Units of products in warehouses, and their reservations. */
export interface Stock {
  /** Reserves all lines of the order or none. Locks the products in the order of their keys. */
  reserve(order: Order, tx: Tx): Promise<ReserveResult>;
  /** Releases the reservations of the order. */
  release(orderId: string, atMs: number, tx: Tx): Promise<ReleaseResult>;
  hasReservations(orderId: string, tx?: Tx): Promise<boolean>;
  findLevels(skus: readonly string[]): Promise<StockLevel[]>;
}

export function createStock(db: Database, stockItems: StockItems): Stock {
  return {
    async reserve(order, tx) {
      const before = await stockItems.lock(distinctSkus(order.lines), tx);
      const result = allocateStock(
        order.lines,
        before.flatMap(({ levels }) => levels),
      );
      if ('shortages' in result) return result;
      const { allocations } = result;
      const items = await updateReserved(db, before, allocations, 1, tx);
      const reservations = allocations.map((a) => ({
        ...a,
        id: reservationId(order.id, a.line, a.warehouse),
        orderId: order.id,
        state: 'held',
        reservedAtMs: order.updatedAtMs,
      }));
      await insertRows(db, db.models.reservations, reservations, { tx });
      return { allocations, items };
    },

    async release(orderId, atMs, tx) {
      const allocations = await select<StockAllocation>(
        db,
        `SELECT line, sku, warehouse, quantity FROM reservations
         WHERE order_id = :orderId AND state = 'held' ORDER BY line, warehouse${forUpdate(db)}`,
        { orderId },
        tx,
      );
      if (allocations.length === 0) return { allocations, items: [] };
      const before = await stockItems.lock(distinctSkus(allocations), tx);
      const items = await updateReserved(db, before, allocations, -1, tx);
      await execute(
        db,
        `UPDATE reservations SET state = 'released', released_at_ms = :atMs
         WHERE order_id = :orderId AND state = 'held'`,
        { orderId, atMs },
        tx,
      );
      return { allocations, items };
    },

    async hasReservations(orderId, transaction) {
      const where = { orderId, state: 'held' };
      return (await db.models.reservations.findOne({ where, transaction })) !== null;
    },

    findLevels: async (skus) => (await stockItems.find(skus)).flatMap(({ levels }) => levels),
  };
}

const distinctSkus = (lines: readonly { sku: string }[]): string[] => [
  ...new Set(lines.map(({ sku }) => sku)),
];

/**
 * Adds (`sign` 1) or releases (-1) reserved units, all rows in one statement. The condition and the table's CHECK
 * prevent overselling even if the rows were not locked.
 * @returns the products after the change.
 * @throws Error when a row has too few units: the transaction must not commit.
 */
async function updateReserved(
  db: Database,
  before: readonly StockItem[],
  allocations: readonly StockAllocation[],
  sign: 1 | -1,
  tx: Tx,
): Promise<StockItem[]> {
  const units = new Map<string, { sku: string; warehouse: string; quantity: number }>();
  for (const { sku, warehouse, quantity } of allocations) {
    const row = units.get(`${sku} ${warehouse}`) ?? { sku, warehouse, quantity: 0 };
    row.quantity += quantity;
    units.set(`${sku} ${warehouse}`, row);
  }
  // In the order of the key: two orders of the same products must not deadlock.
  const rows = [...units.values()].sort((a, b) =>
    `${a.sku} ${a.warehouse}` < `${b.sku} ${b.warehouse}` ? -1 : 1,
  );
  const params: Params = {};
  const cases = rows.map((row, i) => {
    Object.assign(params, { [`s${i}`]: row.sku, [`w${i}`]: row.warehouse, [`q${i}`]: sign * row.quantity });
    return { match: `(sku = :s${i} AND warehouse = :w${i})`, units: `:q${i}` };
  });
  const delta = `CASE ${cases.map((c) => `WHEN ${c.match} THEN ${c.units}`).join(' ')} ELSE 0 END`;
  const changed = await execute(
    db,
    `UPDATE stock SET reserved = reserved + (${delta})
     WHERE (${cases.map((c) => c.match).join(' OR ')}) AND on_hand - reserved >= (${delta})`,
    params,
    tx,
  );
  if (changed !== rows.length) throw new Error(`${changed} of ${rows.length} stock rows changed`);
  return before.map((item) => ({
    ...item,
    levels: item.levels.map((level) => {
      const { quantity = 0 } = units.get(`${level.sku} ${level.warehouse}`) ?? {};
      return { ...level, reserved: level.reserved + sign * quantity };
    }),
  }));
}
