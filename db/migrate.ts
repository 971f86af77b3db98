import { DatabaseError } from 'sequelize';
import { SequelizeStorage, Umzug } from 'umzug';
import type { Database } from './connect';
import * as orders from './migrations/001-orders';
import * as log from './migrations/002-log';
import * as reconciliation from './migrations/003-reconciliation';
import * as shippingMethod from './migrations/004-shipping-method';
import * as subjects from './migrations/005-subjects';
import * as apiKeys from './migrations/006-api-keys';
import * as catalogue from './migrations/007-catalogue';
import * as inventory from './migrations/008-inventory';
import * as identity from './migrations/009-identity';
import * as rateLimits from './migrations/010-rate-limits';
import * as lastRotation from './migrations/011-last-rotation';
import * as warehouseFlag from './migrations/012-warehouse-flag';
import { COLUMN_TYPES, type ColumnTypes } from './schema-types';
import { select } from './sql';

export interface MigrationContext {
  dialect: Database['dialect'];
  type: ColumnTypes;
  run(sql: string): Promise<void>;
  /** For rows that are there and have to be made anew. */
  db: Database;
}
export type Migration = (context: MigrationContext) => Promise<void>;

/** In the order they are applied; a name that has been released is never changed. */
const MIGRATIONS: [name: string, { up: Migration; down: Migration }][] = [
  ['001-orders', orders],
  ['002-log', log],
  ['003-reconciliation', reconciliation],
  ['004-shipping-method', shippingMethod],
  ['005-subjects', subjects],
  ['006-api-keys', apiKeys],
  ['007-catalogue', catalogue],
  ['008-inventory', inventory],
  ['009-identity', identity],
  ['010-rate-limits', rateLimits],
  ['011-last-rotation', lastRotation],
  ['012-warehouse-flag', warehouseFlag],
];

/** A table that is not there, or that this account may not see (yet): as MySQL and SQLite say it. */
const NO_TABLE = /no such table|doesn't exist|command denied/;

const IS_THERE = /already exists|Duplicate key name|duplicate column name/i;
const IS_GONE = /no such|Unknown table|does not exist|check that (it|column\/key) exists/;

/**
 * Whether the statement was done by a run that was killed before it came to the end of its migration: MySQL cannot take
 * back what it has created, so the next run does what is left.
 */
const isDone = (sql: string, error: unknown): boolean =>
  error instanceof DatabaseError &&
  ((/^CREATE|ADD COLUMN/.test(sql) && IS_THERE.test(error.message)) ||
    (/^DROP|DROP COLUMN/.test(sql) && IS_GONE.test(error.message)));

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

/** Applies and reverts the migrations; `onStep` hears of each. */
export function migrator(db: Database, onStep: (step: string) => void = () => undefined) {
  const context: MigrationContext = {
    dialect: db.dialect,
    type: COLUMN_TYPES[db.dialect],
    db,
    run: async (sql) => {
      try {
        await db.sequelize.query(sql, { raw: true });
      } catch (error) {
        if (!isDone(sql, error)) throw error;
      }
    },
  };
  const umzug = new Umzug<MigrationContext>({
    migrations: MIGRATIONS.map(([name, { up, down }]) => ({
      name,
      up: ({ context: c }) => up(c),
      down: ({ context: c }) => down(c),
    })),
    context,
    storage: new SequelizeStorage({ sequelize: db.sequelize, modelName: 'migrations' }),
    logger: undefined,
  });
  umzug.on('migrated', ({ name }) => onStep(`applied ${name}`));
  umzug.on('reverted', ({ name }) => onStep(`reverted ${name}`));
  return {
    up: async () => (await umzug.up()).map(({ name }) => name),
    /** Reverts the last migration, or all of them. */
    down: async (all = false) => (await umzug.down(all ? { to: 0 } : {})).map(({ name }) => name),
    pending: async () => (await umzug.pending()).map(({ name }) => name),
  };
}
