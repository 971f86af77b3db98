import { createHmac } from 'node:crypto';
import type { Tx } from '../../db/core/connect';
import type { Store } from '../../db/core/store';
import type { IdempotencyKey } from '../../db/idempotency/idempotency-keys';
import { canonicalJson } from '../../domain/shared/canonical-json';
import { AppError } from '../../domain/shared/errors';
import { retryOnDuplicate } from './retry-on-duplicate';

/** Keyed hash of a request, independent of the order of its fields. @param key never stored in the database. */
export const hashRequest = (key: Buffer, request: unknown): string =>
  createHmac('sha256', key).update(canonicalJson(request)).digest('hex');

export interface IdempotentRequest extends IdempotencyKey {
  /** Keyed hash of all values of the request. */
  requestHash: string;
}

/**
 * Stores the key in the transaction that creates the resource. Call it after all checks: on MySQL, a rollback after the
 * claim makes waiting requests fail with a deadlock.
 */
export type ClaimIdempotencyKey = (resourceId: string, tx: Tx) => Promise<void>;

export interface IdempotentWork<T> {
  /** Creates the resource and claims the key in one transaction. Runs again after a lost race for a unique key. */
  create: (claim: ClaimIdempotencyKey) => Promise<T>;
  /** Returns the result of the request that created the resource. */
  replay: (resourceId: string) => Promise<T>;
}

/**
 * Creates a resource once for each idempotency key. Concurrent requests with one key wait for the first claim and replay
 * its result. A repeated request also replays when the resource could no longer be created.
 * @param request null when the client sent no key.
 * @throws AppError `idempotency_key_reused` when the key was used for another request; the errors of `create`.
 */
export const withIdempotencyKey = <T extends object>(
  { idempotencyKeys }: Pick<Store, 'idempotencyKeys'>,
  request: IdempotentRequest | null,
  { create, replay }: IdempotentWork<T>,
): Promise<T & { replayed: boolean }> =>
  retryOnDuplicate(async () => {
    try {
      const created = await create(async (resourceId, tx) => {
        if (request !== null) await idempotencyKeys.add({ ...request, resourceId }, Date.now(), tx);
      });
      return { ...created, replayed: false };
    } catch (error) {
      // Looked up on failure only: a new request, by far the most frequent, needs no read.
      const earlier = request && (await idempotencyKeys.find(request));
      if (request === null || earlier === null) throw error;
      if (earlier.requestHash !== request.requestHash) throw idempotencyKeyReused();
      return { ...(await replay(earlier.resourceId)), replayed: true };
    }
  });

const idempotencyKeyReused = (): AppError =>
  new AppError(
    'idempotency_key_reused',
    'This Idempotency-Key was used for another request. Use a new key for a new request.',
  );
