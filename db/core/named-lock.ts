import type { Database, Tx } from './connect';
import { select } from './sql';

const WAIT_SECONDS = 60;

/**
 * Runs `work` in one process at a time, of all that use this MySQL database. The lock belongs to a connection, so a
 * transaction holds one until the work is done; the work itself uses others. SQLite has one process anyway.
 * @param db with a `statementTimeoutMs` that is longer than the work: the connection with the lock is idle meanwhile.
 * @throws Error when another one holds the lock for a minute.
 */
export async function withNamedLock<T>(db: Database, name: string, work: () => Promise<T>): Promise<T> {
  if (db.dialect !== 'mysql') return work();
  return db.sequelize.transaction(async (transaction) => {
    const tx = transaction as unknown as Tx;
    const params = { name, seconds: WAIT_SECONDS };
    const [lock] = await select<{ taken: number | null }>(
      db,
      "SELECT GET_LOCK(CONCAT(DATABASE(), ':', :name), :seconds) AS taken",
      params,
      tx,
    );
    if (lock?.taken !== 1) throw new Error(`another process has held the lock "${name}" for a minute`);
    try {
      return await work();
    } finally {
      await select(db, "SELECT RELEASE_LOCK(CONCAT(DATABASE(), ':', :name)) AS released", { name }, tx);
    }
  });
}
