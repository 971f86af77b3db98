import { allocateStock, type StockAllocation } from '../../domain/inventory/allocation';
import type { StockItem, StockLevel } from '../../domain/inventory/stock-item';
import type { Order, StockShortage } from '../../domain/orders/order';
import { reservationId } from '../../domain/shared/ids';
import type { Database, Tx } from '../core/connect';
import { execute, forUpdate, insert, type Params, select } from '../core/sql';
import type { StockItems } from './stock-items';

export type ReserveResult =
  /** `items`: the products as they are now. They stay locked until the transaction ends. */
  { allocations: StockAllocation[]; items: StockItem[] } | { shortages: StockShortage[] };

export interface ReleaseResult {
  /** What was given back; nothing the second time. */
  allocations: StockAllocation[];
  /** The products as they are now. They stay locked until the transaction ends. */
  items: StockItem[];
}

/** Units of products in warehouses, and who has a claim to them. */
export interface Stock {
  /** Reserves every line of the order or none. Locks are taken in the order of the key. */
  reserve(order: Order, tx: Tx): Promise<ReserveResult>;
  /** Gives back what the order still holds. */
  release(orderId: string, atMs: number, tx: Tx): Promise<ReleaseResult>;
  /** Whether the order holds anything. */
  hasReservations(orderId: string): Promise<boolean>;
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
      await insert(
        db,
        'reservations',
        allocations.map((a) => ({
          id: reservationId(order.id, a.line, a.warehouse),
          order_id: order.id,
          line: a.line,
          sku: a.sku,
          warehouse: a.warehouse,
          quantity: a.quantity,
          state: 'held',
          reserved_at_ms: order.updatedAtMs,
        })),
        { tx },
      );
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

    async hasReservations(orderId) {
      const held = await select(
        db,
        "SELECT id FROM reservations WHERE order_id = :orderId AND state = 'held' LIMIT 1",
        { orderId },
      );
      return held.length > 0;
    },

    findLevels: async (skus) => (await stockItems.find(skus)).flatMap(({ levels }) => levels),
  };
}

const distinctSkus = (lines: readonly { sku: string }[]): string[] => [
  ...new Set(lines.map(({ sku }) => sku)),
];

/**
 * Adds (`sign` 1) or takes back (-1) reserved units, all rows in one statement. The condition and the table's CHECK
 * both stand against overselling, should the rows not have been locked.
 * @returns the products as they are then.
 * @throws Error when a row could not give what was asked of it: the transaction must not commit.
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
  // In the order of the key: two orders over the same rows must not lock them crosswise.
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
  if (changed !== rows.length) throw new Error(`stock of ${rows.length} rows was to change, ${changed} did`);
  return before.map((item) => ({
    ...item,
    levels: item.levels.map((level) => {
      const { quantity = 0 } = units.get(`${level.sku} ${level.warehouse}`) ?? {};
      return { ...level, reserved: level.reserved + sign * quantity };
    }),
  }));
}
