import type { AuthDependencies } from './auth-dependencies';

/** More rows than one login or registration adds: expired records cannot accumulate. */
const MAX_ROWS = 20;

/** Deletes a batch of expired records. Called after each request that adds records of these kinds; needs no schedule. */
export const removeExpiredRecords = ({ store, now }: AuthDependencies): Promise<void> =>
  store.db.write(async (tx) => {
    const atMs = now();
    await store.sessions.remove(await store.sessions.findExpired(atMs, MAX_ROWS, tx), tx);
    await store.registrations.removeExpired(atMs, MAX_ROWS, tx);
    await store.oneTimeTokens.removeExpired(atMs, MAX_ROWS, tx);
  });
