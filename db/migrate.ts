import { DatabaseError } from 'sequelize';
import { SequelizeStorage, Umzug } from 'umzug';
import type { Database } from './connect';
import * as orders from './migrations/001-orders';
import * as log from './migrations/002-log';
import { COLUMN_TYPES, type ColumnTypes } from './schema-types';
import { select } from './sql';

export interface MigrationContext {
  dialect: Database['dialect'];
  type: ColumnTypes;
  run(sql: string): Promise<void>;
}
export type Migration = (context: MigrationContext) => Promise<void>;

/** In the order they are applied; a name that has been released is never changed. */
const MIGRATIONS: [name: string, { up: Migration; down: Migration }][] = [
  ['001-orders', orders],
  ['002-log', log],
];

/** A table that is not there, or that this account may not see (yet): as MySQL and SQLite say it. */
const NO_TABLE = /no such table|doesn't exist|command denied/;

/** Migrations that this code needs and the database lacks. Only reads: an account that may change nothing can ask. */
export async function pendingMigrations(db: Database): Promise<string[]> {
  const applied = await select<{ name: string }>(db, 'SELECT name FROM migrations').catch(
    (error: unknown) => {
      if (error instanceof DatabaseError && NO_TABLE.test(error.message)) return [];
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
    run: async (sql) => {
      await db.sequelize.query(sql, { raw: true });
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
