import type { Database, Tx } from '../core/connect';
import { insert, type Params, select } from '../core/sql';

/** What was promised for one placement: the order's id and the input its workflow is started with. */
export interface Placement {
  orderId: string;
  caller: string;
  idempotencyKey: string | null;
  /** Keyed hash of the canonical body: tells a retry from another request without keeping the body. */
  bodyHash: string;
  /** JSON of the workflow's input. No personal data. */
  input: string;
  createdAtMs: number;
}

export interface Placements {
  /** @throws an error that `isDuplicate` when the caller has used the key before. */
  claim(placement: Placement, tx: Tx): Promise<void>;
  findByIdempotencyKey(caller: string, idempotencyKey: string): Promise<Placement | null>;
  findByOrder(orderId: string): Promise<Placement | null>;
}

export function createPlacements(db: Database): Placements {
  const one = async (condition: string, params: Params): Promise<Placement | null> => {
    const [row] = await select<Placement>(
      db,
      `SELECT order_id AS orderId, caller, idempotency_key AS idempotencyKey, body_hash AS bodyHash, input,
         created_at_ms AS createdAtMs
       FROM placements WHERE ${condition}`,
      params,
    );
    return row ?? null;
  };

  return {
    claim: (p, tx) =>
      insert(
        db,
        'placements',
        [
          {
            order_id: p.orderId,
            caller: p.caller,
            idempotency_key: p.idempotencyKey,
            body_hash: p.bodyHash,
            input: p.input,
            created_at_ms: p.createdAtMs,
          },
        ],
        { tx },
      ),

    findByIdempotencyKey: (caller, idempotencyKey) =>
      one('caller = :caller AND idempotency_key = :idempotencyKey', { caller, idempotencyKey }),

    findByOrder: (orderId) => one('order_id = :orderId', { orderId }),
  };
}
