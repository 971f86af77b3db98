import type { Database, Tx } from '../core/connect';
import { insert, select } from '../core/sql';

/** An accepted placement: the order's id and the input of its workflow. */
export interface Placement {
  orderId: string;
  /** JSON of the workflow's input. No personal data. */
  input: string;
  createdAtMs: number;
}

export interface Placements {
  add(placement: Placement, tx: Tx): Promise<void>;
  findByOrder(orderId: string): Promise<Placement | null>;
}

export function createPlacements(db: Database): Placements {
  return {
    add: ({ orderId, input, createdAtMs }, tx) =>
      insert(db, 'placements', [{ order_id: orderId, input, created_at_ms: createdAtMs }], { tx }),

    async findByOrder(orderId) {
      const [row] = await select<Placement>(
        db,
        `SELECT order_id AS orderId, input, created_at_ms AS createdAtMs FROM placements
         WHERE order_id = :orderId`,
        { orderId },
      );
      return row ?? null;
    },
  };
}
