import type { Database, Tx } from '../core/connect';
import { insertRows, selectRows } from '../core/sql';
import type { StoredIdempotencyKey } from './models';

export type { IdempotentOperation, StoredIdempotencyKey } from './models';

/** The key as a client scopes it: each caller has separate keys for each operation. */
export type IdempotencyKey = Pick<StoredIdempotencyKey, 'caller' | 'operation' | 'idempotencyKey'>;

/** Keys are never deleted: a repeated request returns the first result for as long as the resource exists. */
export interface IdempotencyKeys {
  /** @throws an error that `isDuplicate` when the key is already used; waits for a concurrent transaction with the key. */
  add(key: StoredIdempotencyKey, atMs: number, tx: Tx): Promise<void>;
  find(key: IdempotencyKey): Promise<StoredIdempotencyKey | null>;
}

export function createIdempotencyKeys(db: Database): IdempotencyKeys {
  const { idempotencyKeys } = db.models;
  return {
    add: (key, createdAtMs, tx) => insertRows(db, idempotencyKeys, [{ ...key, createdAtMs }], { tx }),

    async find({ caller, operation, idempotencyKey }) {
      const clauses =
        'WHERE caller = :caller AND operation = :operation AND idempotency_key = :idempotencyKey';
      const params = { caller, operation, idempotencyKey };
      return (await selectRows(db, idempotencyKeys, clauses, params))[0] ?? null;
    },
  };
}
