import { QueryTypes } from 'sequelize';
import type { Database } from './connect';
import { select } from './sql';

/** Their triggers reject changes by all accounts; the runtime account has no privilege for changes either. */
export const APPEND_ONLY_TABLES = ['events', 'payment_ledger', 'stock_movements'];
/** Written by migrations only. */
const READ_ONLY_TABLES = ['migrations'];

/**
 * Grants the runtime account its privileges, table by table: MySQL cannot revoke for one table what it granted for all,
 * and grants on existing tables only. So it runs after each migration.
 * @param account `name@host`; it must exist.
 * @throws Error on SQLite, which has no accounts.
 */
export async function grantRuntimePrivileges(db: Database, account: string): Promise<void> {
  if (db.dialect !== 'mysql')
    throw new Error('SQLite has no accounts: leave DATABASE_RUNNING_ACCOUNT unset.');
  const [name, host] = account.split('@');
  const grantee = `${quoteAccountPart(name)}@${quoteAccountPart(host)}`;
  const tables = await select<{ name: string }>(
    db,
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name`,
  );
  for (const table of tables) {
    await db.sequelize.query(`GRANT ${getPrivileges(table.name)} ON \`${table.name}\` TO ${grantee}`, {
      type: QueryTypes.RAW,
    });
  }
}

function getPrivileges(table: string): string {
  if (READ_ONLY_TABLES.includes(table)) return 'SELECT';
  if (APPEND_ONLY_TABLES.includes(table)) return 'SELECT, INSERT';
  return 'SELECT, INSERT, UPDATE, DELETE';
}

function quoteAccountPart(part: string | undefined): string {
  if (part === undefined || !/^[\w.:%-]+$/.test(part)) throw new Error('an account is written name@host');
  return `'${part}'`;
}
