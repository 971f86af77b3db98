import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { connect, type Database } from '../../../db/core/connect';
import { createMigrator } from '../../../db/core/migrate';
import { seed } from '../../../db/core/seed';
import { createStore, type Store } from '../../../db/core/store';

export type Dialect = 'sqlite' | 'mysql';

/** The databases available to the suites. `npm test` prints a warning when MySQL is skipped. */
export const DIALECTS: Dialect[] =
  process.env.TEST_MYSQL_ADMIN_URL === undefined ? ['sqlite'] : ['sqlite', 'mysql'];

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** A new, empty database. */
export async function createDatabase(dialect: Dialect): Promise<TestDatabase> {
  if (dialect === 'sqlite') {
    const dir = mkdtempSync(join(tmpdir(), 'orders-'));
    return {
      url: `sqlite:${join(dir, 'orders.db')}`,
      drop: async () => rmSync(dir, { recursive: true, force: true }),
    };
  }
  const admin = process.env.TEST_MYSQL_ADMIN_URL;
  if (admin === undefined) throw new Error('TEST_MYSQL_ADMIN_URL is not set: no MySQL server is available.');
  const name = `t_${randomBytes(8).toString('hex')}`;
  await runOnServer(admin, `CREATE DATABASE ${name}`);
  return { url: `${admin}/${name}`, drop: () => runOnServer(admin, `DROP DATABASE ${name}`) };
}

async function runOnServer(url: string, sql: string): Promise<void> {
  const connection = await mysql.createConnection(url);
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
}

export const TEST_AUDIT_KEY = Buffer.alloc(32, 7);

export interface TestStore {
  db: Database;
  store: Store;
  url: string;
  close(): Promise<void>;
}

/** A migrated database with the seed catalogue. */
export async function createTestStore(
  dialect: Dialect,
  options: { onStatement?: (sql: string) => void } = {},
): Promise<TestStore> {
  const { url, drop } = await createDatabase(dialect);
  const db = connect({ url, ...options });
  await createMigrator(db).up();
  await seed(db, Date.now());
  return {
    db,
    store: createStore(db, TEST_AUDIT_KEY),
    url,
    async close() {
      await db.close();
      await drop();
    },
  };
}
