import { createHash } from 'node:crypto';
import type { StockMovement } from '../../domain/inventory/stock-movement';
import type { Database, Tx } from '../core/connect';
import { insertRows, limit, selectRows } from '../core/sql';
import type { StoredMovement } from './models';

export type { StoredMovement } from './models';

/** The append-only ledger of units on hand. */
export interface StockMovements {
  /** Appends the movement and sets the level to its result. The caller has locked the product. */
  add(movement: StockMovement, level: { exists: boolean }, tx: Tx): Promise<void>;
  find(id: string): Promise<StockMovement | null>;
  /** Movements of one product before the position, newest first. */
  list(page: { sku: string; before?: number; limit: number }): Promise<StoredMovement[]>;
}

/** SHA-256 of a note, hexadecimal: the log can prove a note without containing it. */
export const hashNote = (note: string | null): string | null =>
  note === null ? null : createHash('sha256').update(note).digest('hex');

export function createStockMovements(db: Database): StockMovements {
  const { stock, stockMovements } = db.models;
  return {
    async add(movement, { exists }, tx) {
      const { sku, warehouse, onHandAfter: onHand } = movement;
      await insertRows(db, stockMovements, [movement], { tx });
      if (exists) await stock.update({ onHand }, { where: { sku, warehouse }, transaction: tx });
      else await insertRows(db, stock, [{ sku, warehouse, onHand }], { tx });
    },

    async find(id) {
      const row = await stockMovements.findOne({ where: { id } });
      if (row === null) return null;
      const { position: _, ...movement } = row;
      return movement;
    },

    list: ({ sku, before = Number.MAX_SAFE_INTEGER, limit: rows }) =>
      selectRows(
        db,
        stockMovements,
        `WHERE sku = :sku AND stock_movements.id < :before ORDER BY stock_movements.id DESC${limit(rows)}`,
        { sku, before },
      ),
  };
}
