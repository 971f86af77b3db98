import type { StockAlert, StockItem, StockLevel } from '../../domain/inventory/stock-item';
import type { Database, Tx } from '../core/connect';
import { execute, insert, limit, select } from '../core/sql';

/** Products as stock: their levels everywhere, their thresholds, and whether they are low. */
export interface StockItems {
  /**
   * Locks the products and all their levels for the rest of the transaction, in the order of their keys. Who changes a
   * level holds this lock, so what it sees and decides of the product stays true until it commits. A warehouse may be
   * opened or closed meanwhile: who does that takes this lock on each of its products afterwards.
   * @returns those that have stock or a threshold.
   */
  lock(skus: readonly string[], tx: Tx): Promise<StockItem[]>;
  /** The same of one product, which may be new to the inventory. */
  lockOrCreate(sku: string, tx: Tx): Promise<StockItem>;
  find(skus: readonly string[]): Promise<StockItem[]>;
  /** Products of the catalogue, sold or not, by sku, ascending. */
  list(page: { afterSku?: string; limit: number }): Promise<StockItem[]>;
  /** Products that are low, those that have been for longest first. */
  listLow(page: { after?: { lowSinceMs: number; sku: string }; limit: number }): Promise<LowStockItem[]>;
  /** @returns the number of the threshold among those that the product has had. */
  setThreshold(sku: string, threshold: number | null, tx: Tx): Promise<number>;
  /** Writes down that the product is low from now on, or no longer. */
  recordStockAlert(sku: string, crossing: StockAlert, atMs: number, tx: Tx): Promise<void>;
}

export type LowStockItem = StockItem & { lowSinceMs: number };

interface Row {
  sku: string;
  threshold: number | null;
  lowSinceMs: number | null;
  crossings: number;
  /** Null when the product has no stock row. */
  warehouse: string | null;
  onHand: number;
  reserved: number;
  /** Of the warehouse; null when there is no such row. */
  active: number | null;
}

const ITEM_COLUMNS = 'i.sku, i.threshold, i.low_since_ms AS lowSinceMs, i.crossings';
const LEVEL_COLUMNS = 's.warehouse, s.on_hand AS onHand, s.reserved';

export function createStockItems(db: Database): StockItems {
  const read = async (skus: readonly string[], tx?: Tx): Promise<StockItem[]> =>
    toItems(
      await select<Row>(
        db,
        `SELECT ${ITEM_COLUMNS}, ${LEVEL_COLUMNS},
           (SELECT w.active FROM warehouses w WHERE w.code = s.warehouse) AS active
         FROM stock_items i LEFT JOIN stock s ON s.sku = i.sku WHERE i.sku IN (:skus) ORDER BY i.sku`,
        { skus },
        tx,
      ),
    );
  const lock: StockItems['lock'] = async (skus, tx) => {
    if (db.dialect === 'sqlite') return read(skus, tx);
    // The outer join keeps the order of the locks: the product's row before those of its levels.
    const rows = await select<Omit<Row, 'active'>>(
      db,
      `SELECT ${ITEM_COLUMNS}, ${LEVEL_COLUMNS} FROM stock_items i LEFT JOIN stock s ON s.sku = i.sku
       WHERE i.sku IN (:skus) ORDER BY i.sku FOR UPDATE`,
      { skus },
      tx,
    );
    // Joined, the warehouses would be locked as well, and one order would wait for the other. Read before the products are
    // locked, they might be out of date.
    const codes = [...new Set(rows.flatMap(({ warehouse }) => warehouse ?? []))];
    const warehouses = await select<{ code: string; active: number }>(
      db,
      'SELECT code, active FROM warehouses WHERE code IN (:codes)',
      { codes },
      tx,
    );
    const flags = new Map(warehouses.map(({ code, active }) => [code, active]));
    return toItems(rows.map((row) => ({ ...row, active: flags.get(row.warehouse ?? '') ?? null })));
  };

  return {
    lock,

    async lockOrCreate(sku, tx) {
      const [known] = await lock([sku], tx);
      if (known !== undefined) return known;
      await insert(db, 'stock_items', [{ sku }], { tx, ifNew: true });
      const [added] = await lock([sku], tx);
      if (added === undefined) throw new Error(`there is no stock item ${sku}`);
      return added;
    },

    find: (skus) => read(skus),

    async list({ afterSku = '', limit: rows }) {
      const products = await select<{ sku: string }>(
        db,
        `SELECT sku FROM products WHERE sku > :afterSku ORDER BY sku${limit(rows)}`,
        { afterSku },
      );
      const skus = products.map(({ sku }) => sku);
      const known = new Map((await read(skus)).map((item) => [item.sku, item]));
      return skus.map((sku) => known.get(sku) ?? emptyStockItem(sku));
    },

    async listLow({ after = { lowSinceMs: 0, sku: '' }, limit: rows }) {
      const low = await select<{ sku: string; lowSinceMs: number }>(
        db,
        `SELECT sku, low_since_ms AS lowSinceMs FROM stock_items
         WHERE low_since_ms >= :lowSinceMs AND (low_since_ms > :lowSinceMs OR sku > :sku)
         ORDER BY low_since_ms, sku${limit(rows)}`,
        after,
      );
      const items = new Map((await read(low.map(({ sku }) => sku))).map((item) => [item.sku, item]));
      return low.map(({ sku, lowSinceMs }) => ({ ...(items.get(sku) ?? emptyStockItem(sku)), lowSinceMs }));
    },

    async setThreshold(sku, threshold, tx) {
      await execute(
        db,
        `UPDATE stock_items SET threshold = :threshold, threshold_version = threshold_version + 1 WHERE sku = :sku`,
        { sku, threshold },
        tx,
      );
      const [row] = await select<{ version: number }>(
        db,
        'SELECT threshold_version AS version FROM stock_items WHERE sku = :sku',
        { sku },
        tx,
      );
      return row?.version ?? 0;
    },

    async recordStockAlert(sku, crossing, atMs, tx) {
      const change =
        crossing === 'low' ? 'low_since_ms = :atMs, crossings = crossings + 1' : 'low_since_ms = NULL';
      await execute(db, `UPDATE stock_items SET ${change} WHERE sku = :sku`, { sku, atMs }, tx);
    },
  };
}

export const emptyStockItem = (sku: string): StockItem => ({
  sku,
  threshold: null,
  lowSinceMs: null,
  crossings: 0,
  levels: [],
});

/** Rows of one product follow each other. */
function toItems(rows: readonly Row[]): StockItem[] {
  const items: StockItem[] = [];
  for (const { sku, threshold, lowSinceMs, crossings, ...level } of rows) {
    let item = items.at(-1);
    if (item?.sku !== sku) {
      item = { sku, threshold, lowSinceMs, crossings, levels: [] };
      items.push(item);
    }
    if (level.warehouse !== null) item.levels.push(toLevel(sku, level.warehouse, level));
  }
  for (const { levels } of items) levels.sort((a, b) => (a.warehouse < b.warehouse ? -1 : 1));
  return items;
}

const toLevel = (
  sku: string,
  warehouse: string,
  { onHand, reserved, active }: Pick<Row, 'onHand' | 'reserved' | 'active'>,
): StockLevel => ({ sku, warehouse, onHand, reserved, active: active === 1 });
