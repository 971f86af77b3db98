import { DatabaseError } from 'sequelize';
import { SequelizeStorage, Umzug } from 'umzug';
import { MIGRATIONS } from '../migrations/all';
import type { MigrationContext } from '../migrations/migration';
import { COLUMN_TYPES } from './column-types';
import type { Database } from './connect';

const ALREADY_EXISTS = /already exists|Duplicate key name|duplicate column name/i;
const DOES_NOT_EXIST = /no such|Unknown table|does not exist|check that (it|column\/key) exists/;
const COLUMN_ALREADY_RENAMED = /Unknown column|no such column/;

/**
 * Whether the statement was done by a run that was killed before it came to the end of its migration: MySQL cannot take
 * back what it has created, so the next run does what is left.
 */
const isAlreadyApplied = (sql: string, error: unknown): boolean =>
  error instanceof DatabaseError &&
  ((/^CREATE|ADD COLUMN/.test(sql) && ALREADY_EXISTS.test(error.message)) ||
    (/RENAME COLUMN/.test(sql) && COLUMN_ALREADY_RENAMED.test(error.message)) ||
    (/^DROP|DROP COLUMN/.test(sql) && DOES_NOT_EXIST.test(error.message)));

/** Applies and reverts the migrations; `onStep` hears of each. */
export function createMigrator(db: Database, onStep: (step: string) => void = () => undefined) {
  const context: MigrationContext = {
    dialect: db.dialect,
    type: COLUMN_TYPES[db.dialect],
    db,
    run: async (sql) => {
      try {
        await db.sequelize.query(sql, { raw: true });
      } catch (error) {
        if (!isAlreadyApplied(sql, error)) throw error;
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
