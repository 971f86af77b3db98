import { createHash } from 'node:crypto';
import type { StockMovement } from '../../domain/inventory/stock-movement';
import type { Database, Tx } from '../core/connect';
import { execute, insert, limit, select } from '../core/sql';

export interface StoredMovement extends StockMovement {
  /** Grows in the order of the movements. */
  position: number;
}

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

const COLUMNS = `movement_key AS id, sku, warehouse, on_hand_delta AS onHandDelta, on_hand_after AS onHandAfter, reason,
  note, actor, at_ms AS atMs`;

export function createStockMovements(db: Database): StockMovements {
  return {
    async add(m, level, tx) {
      const { sku, warehouse, onHandAfter } = m;
      await insert(
        db,
        'stock_movements',
        [
          {
            movement_key: m.id,
            sku,
            warehouse,
            on_hand_delta: m.onHandDelta,
            on_hand_after: onHandAfter,
            reason: m.reason as string,
            note: m.note,
            actor: m.actor,
            at_ms: m.atMs,
          },
        ],
        { tx },
      );
      if (!level.exists) {
        await insert(db, 'stock', [{ sku, warehouse, on_hand: onHandAfter }], { tx });
        return;
      }
      await execute(
        db,
        'UPDATE stock SET on_hand = :onHandAfter WHERE sku = :sku AND warehouse = :warehouse',
        { sku, warehouse, onHandAfter },
        tx,
      );
    },

    async find(id) {
      const [row] = await select<StockMovement>(
        db,
        `SELECT ${COLUMNS} FROM stock_movements WHERE movement_key = :id`,
        { id },
      );
      return row ?? null;
    },

    list: ({ sku, before, limit: rows }) =>
      select<StoredMovement>(
        db,
        `SELECT stock_movements.id AS position, ${COLUMNS} FROM stock_movements
         WHERE sku = :sku${before === undefined ? '' : ' AND stock_movements.id < :before'} ORDER BY stock_movements.id DESC${limit(rows)}`,
        { sku, ...(before === undefined ? {} : { before }) },
      ),
  };
}
