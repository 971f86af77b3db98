import { MIGRATIONS } from '../migrations/all';
import type { Database } from './connect';
import { select } from './sql';

/** Messages of MySQL and SQLite for a table that does not exist, or that the account has no privilege for (yet). */
const TABLE_NOT_FOUND = /no such table|doesn't exist|command denied/;

/** Migrations that this code needs and the database lacks. Only reads, so a read-only account can call it. */
export async function findPendingMigrations(db: Database): Promise<string[]> {
  const applied = await select<{ name: string }>(db, 'SELECT name FROM migrations').catch(
    (error: unknown) => {
      if (TABLE_NOT_FOUND.test(String(error))) return [];
      throw error;
    },
  );
  const names = new Set(applied.map(({ name }) => name));
  return MIGRATIONS.map(([name]) => name).filter((name) => !names.has(name));
}
