import type { Database, Tx } from '../core/connect';
import { insert, select } from '../core/sql';

/** Operations that accept an idempotency key. Keys of different operations are independent. */
export type IdempotentOperation = 'placement' | 'stock_adjustment' | 'product_import';

/** The key as a client scopes it: each caller has separate keys for each operation. */
export interface IdempotencyKey {
  caller: string;
  operation: IdempotentOperation;
  idempotencyKey: string;
}

export interface StoredIdempotencyKey extends IdempotencyKey {
  /** Keyed hash of the request: compares a repeated request without storing its body. */
  requestHash: string;
  /** The resource that the first request created. */
  resourceId: string;
}

/** Keys are never deleted: a repeated request returns the first result for as long as the resource exists. */
export interface IdempotencyKeys {
  /** @throws an error that `isDuplicate` when the key is already used; waits for a concurrent transaction with the key. */
  add(key: StoredIdempotencyKey, atMs: number, tx: Tx): Promise<void>;
  find(key: IdempotencyKey): Promise<Pick<StoredIdempotencyKey, 'requestHash' | 'resourceId'> | null>;
}

export function createIdempotencyKeys(db: Database): IdempotencyKeys {
  return {
    add: ({ caller, operation, idempotencyKey, requestHash, resourceId }, atMs, tx) =>
      insert(
        db,
        'idempotency_keys',
        [
          {
            caller,
            operation,
            idempotency_key: idempotencyKey,
            request_hash: requestHash,
            resource_id: resourceId,
            created_at_ms: atMs,
          },
        ],
        { tx },
      ),

    async find({ caller, operation, idempotencyKey }) {
      const [row] = await select<{ requestHash: string; resourceId: string }>(
        db,
        `SELECT request_hash AS requestHash, resource_id AS resourceId FROM idempotency_keys
         WHERE caller = :caller AND operation = :operation AND idempotency_key = :idempotencyKey`,
        { caller, operation, idempotencyKey },
      );
      return row ?? null;
    },
  };
}
