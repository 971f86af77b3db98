import { createHash } from 'node:crypto';
import type { StockMovement } from '../../domain/inventory/stock-movement';
import type { Database, Tx } from '../core/connect';
import { execute, insert, limit, select } from '../core/sql';

/** A movement that a request asked for, and whose request it was. */
export interface NewMovement extends StockMovement {
  caller: string;
  idempotencyKey: string;
  /** Keyed hash of what was asked for. */
  bodyHash: string;
}

export interface StoredMovement extends StockMovement {
  /** In the order in which they happened. */
  position: number;
}

/** The ledger of units on hand: rows are added, never changed. */
export interface StockMovements {
  /**
   * Adds the movement and makes the level what it says. Whoever calls it has locked the product.
   * @throws an error that `isDuplicate` when the caller has used the key before.
   */
  add(movement: NewMovement, level: { exists: boolean }, tx: Tx): Promise<void>;
  /** What the caller's key was used for. */
  findByIdempotencyKey(
    caller: string,
    idempotencyKey: string,
    tx?: Tx,
  ): Promise<{ id: string; sku: string; bodyHash: string } | null>;
  find(id: string, tx?: Tx): Promise<StockMovement | null>;
  /** Of one product, newest first, before the position. */
  list(page: { sku: string; before?: number; limit: number }): Promise<StoredMovement[]>;
}

/** What the log keeps of a note, SHA-256 in hexadecimal: it proves the note and does not tell it. */
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
            caller: m.caller,
            idempotency_key: m.idempotencyKey,
            body_hash: m.bodyHash,
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

    async findByIdempotencyKey(caller, idempotencyKey, tx) {
      const [row] = await select<{ id: string; sku: string; bodyHash: string }>(
        db,
        `SELECT movement_key AS id, sku, body_hash AS bodyHash FROM stock_movements
         WHERE caller = :caller AND idempotency_key = :idempotencyKey`,
        { caller, idempotencyKey },
        tx,
      );
      return row ?? null;
    },

    async find(id, tx) {
      const [row] = await select<StockMovement>(
        db,
        `SELECT ${COLUMNS} FROM stock_movements WHERE movement_key = :id`,
        { id },
        tx,
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
