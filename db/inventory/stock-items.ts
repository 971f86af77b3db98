import type { StockAlert, StockItem, StockLevel } from '../../domain/inventory/stock-item';
import type { Database, Tx } from '../core/connect';
import { execute, insertRows, limit, select } from '../core/sql';

/** The stock of products: levels in all warehouses, thresholds, and whether the stock is low. */
export interface StockItems {
  /**
   * Locks the products and their levels for the rest of the transaction, in the order of their keys; every change of a
   * level holds this lock. A warehouse may be opened or closed meanwhile, which locks each of its products afterwards.
   * @returns those with stock or a threshold.
   */
  lock(skus: readonly string[], tx: Tx): Promise<StockItem[]>;
  /** The same for one product, which may have neither stock nor a threshold. */
  lockOrCreate(sku: string, tx: Tx): Promise<StockItem>;
  find(skus: readonly string[]): Promise<StockItem[]>;
  /** All products of the catalogue, by sku, ascending. */
  list(page: { afterSku?: string; limit: number }): Promise<StockItem[]>;
  /** Products with low stock, the longest low ones first. */
  listLow(page: { after?: { lowSinceMs: number; sku: string }; limit: number }): Promise<LowStockItem[]>;
  /** @returns the version of the product's threshold, from 1. */
  setThreshold(sku: string, threshold: number | null, tx: Tx): Promise<number>;
  recordStockAlert(sku: string, alert: StockAlert, atMs: number, tx: Tx): Promise<void>;
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
  /** Of the warehouse; null when it does not exist. */
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
    // The outer join locks in order: the product's row before those of its levels.
    const rows = await select<Omit<Row, 'active'>>(
      db,
      `SELECT ${ITEM_COLUMNS}, ${LEVEL_COLUMNS} FROM stock_items i LEFT JOIN stock s ON s.sku = i.sku
       WHERE i.sku IN (:skus) ORDER BY i.sku FOR UPDATE`,
      { skus },
      tx,
    );
    // A join would lock the warehouses as well, and orders would block each other. They are read after the products are
    // locked, because an earlier read could be stale.
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
      await insertRows(db, db.models.stockItems, [emptyStockItem(sku)], { tx, ifNew: true });
      const [added] = await lock([sku], tx);
      if (added === undefined) throw new Error(`stock item ${sku} not found`);
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
      const item = await db.models.stockItems.findOne({ where: { sku }, transaction: tx });
      return item?.thresholdVersion ?? 0;
    },

    async recordStockAlert(sku, alert, atMs, tx) {
      const change =
        alert === 'low' ? 'low_since_ms = :atMs, crossings = crossings + 1' : 'low_since_ms = NULL';
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

/** @param rows ordered by product. */
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
