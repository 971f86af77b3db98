import type { Database, Tx } from './connect';
import { select } from './sql';

const WAIT_SECONDS = 60;

/**
 * Runs `work` in one process at a time of those that use this MySQL database; SQLite has a single process. The lock
 * belongs to a connection, which is idle meanwhile: the `statementTimeoutMs` of `db` must exceed the duration of the work.
 * @throws Error when another process holds the lock for a minute.
 */
export async function withNamedLock<T>(db: Database, name: string, work: () => Promise<T>): Promise<T> {
  if (db.dialect !== 'mysql') return work();
  return db.sequelize.transaction(async (transaction) => {
    const tx = transaction as unknown as Tx;
    const params = { name, seconds: WAIT_SECONDS };
    const [lock] = await select<{ acquired: number | null }>(
      db,
      "SELECT GET_LOCK(CONCAT(DATABASE(), ':', :name), :seconds) AS acquired",
      params,
      tx,
    );
    if (lock?.acquired !== 1) throw new Error(`another process has held the lock "${name}" for a minute`);
    try {
      return await work();
    } finally {
      await select(db, "SELECT RELEASE_LOCK(CONCAT(DATABASE(), ':', :name)) AS released", { name }, tx);
    }
  });
}
