import {
  type AllocationResult,
  allocateStock,
  type StockAllocation,
  type StockLevel,
} from '../domain/allocation';
import { reservationId } from '../domain/ids';
import type { Order } from '../domain/order';
import type { Database, Tx } from './connect';
import { execute, forUpdate, insert, type Params, select } from './sql';

/** Units of products in warehouses, and who has a claim to them. */
export interface Stock {
  /** Reserves every line of the order or none. Row locks are taken in the order of the key. */
  reserve(order: Order, tx: Tx): Promise<AllocationResult>;
  /** Gives back what the order still holds. @returns what was given back; nothing the second time. */
  release(orderId: string, atMs: number, tx: Tx): Promise<StockAllocation[]>;
  /** Whether the order holds anything. */
  isHeldBy(orderId: string): Promise<boolean>;
  levels(skus: readonly string[]): Promise<StockLevel[]>;
}

const LEVEL_COLUMNS = 'sku, warehouse, on_hand AS onHand, reserved';

export function createStock(db: Database): Stock {
  return {
    async reserve(order, tx) {
      const skus = [...new Set(order.lines.map((l) => l.sku))];
      const levels = await select<StockLevel>(
        db,
        `SELECT ${LEVEL_COLUMNS} FROM stock WHERE sku IN (:skus) ORDER BY sku, warehouse${forUpdate(db)}`,
        { skus },
        tx,
      );
      const result = allocateStock(order.lines, levels);
      if ('shortages' in result) return result;
      await changeReserved(db, result.allocations, 1, tx);
      await insert(
        db,
        'reservations',
        result.allocations.map((a) => ({
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
      return result;
    },

    async release(orderId, atMs, tx) {
      const held = await select<StockAllocation>(
        db,
        `SELECT line, sku, warehouse, quantity FROM reservations
         WHERE order_id = :orderId AND state = 'held' ORDER BY line, warehouse${forUpdate(db)}`,
        { orderId },
        tx,
      );
      if (held.length === 0) return [];
      await changeReserved(db, held, -1, tx);
      await execute(
        db,
        `UPDATE reservations SET state = 'released', released_at_ms = :atMs
         WHERE order_id = :orderId AND state = 'held'`,
        { orderId, atMs },
        tx,
      );
      return held;
    },

    async isHeldBy(orderId) {
      const held = await select(
        db,
        "SELECT id FROM reservations WHERE order_id = :orderId AND state = 'held' LIMIT 1",
        { orderId },
      );
      return held.length > 0;
    },

    levels: (skus) =>
      select<StockLevel>(
        db,
        `SELECT ${LEVEL_COLUMNS} FROM stock WHERE sku IN (:skus) ORDER BY sku, warehouse`,
        { skus },
      ),
  };
}

/**
 * Adds (`sign` 1) or takes back (-1) reserved units, all rows in one statement. The condition and the table's CHECK
 * both stand against overselling, should the rows not have been locked.
 * @throws Error when a row could not give what was asked of it: the transaction must not commit.
 */
async function changeReserved(
  db: Database,
  allocations: readonly StockAllocation[],
  sign: 1 | -1,
  tx: Tx,
): Promise<void> {
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
}
