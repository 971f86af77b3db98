import type { AuthDependencies } from './auth-dependencies';

/** More than one log-in or registration leaves behind, so what has run out cannot pile up. */
const MAX_ROWS = 20;

/**
 * Deletes some of what has run out. Called after what new rows of the kind come from, so there is as much of it as there
 * is to delete, and no schedule to look after.
 */
export const removeExpiredRecords = ({ store, now }: AuthDependencies): Promise<void> =>
  store.db.write(async (tx) => {
    const atMs = now();
    await store.sessions.remove(await store.sessions.findExpired(atMs, MAX_ROWS, tx), tx);
    await store.registrations.removeExpired(atMs, MAX_ROWS, tx);
    await store.oneTimeTokens.removeExpired(atMs, MAX_ROWS, tx);
  });
