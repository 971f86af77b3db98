import { MIGRATIONS } from '../migrations/all';
import type { Database } from './connect';
import { select } from './sql';

/** A table that is not there, or that this account may not see (yet): as MySQL and SQLite say it. */
const NO_TABLE = /no such table|doesn't exist|command denied/;

/** Migrations that this code needs and the database lacks. Only reads: an account that may change nothing can ask. */
export async function pendingMigrations(db: Database): Promise<string[]> {
  const applied = await select<{ name: string }>(db, 'SELECT name FROM migrations').catch(
    (error: unknown) => {
      if (NO_TABLE.test(String(error))) return [];
      throw error;
    },
  );
  const names = new Set(applied.map(({ name }) => name));
  return MIGRATIONS.map(([name]) => name).filter((name) => !names.has(name));
}
