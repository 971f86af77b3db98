import { DatabaseError } from 'sequelize';
import { SequelizeStorage, Umzug } from 'umzug';
import { MIGRATIONS } from '../migrations/all';
import { COLUMN_TYPES } from '../migrations/column-types';
import type { MigrationContext } from '../migrations/migration';
import type { Database } from './connect';

const ALREADY_EXISTS = /already exists|Duplicate key name|duplicate column name/i;
const DOES_NOT_EXIST = /no such|Unknown table|does not exist|check that (it|column\/key) exists/;

/** Whether an interrupted run has applied the statement: MySQL cannot roll back DDL, so the next run continues after it. */
const isAlreadyApplied = (sql: string, error: unknown): boolean =>
  error instanceof DatabaseError &&
  ((/^CREATE|ADD COLUMN/.test(sql) && ALREADY_EXISTS.test(error.message)) ||
    (/^DROP|DROP COLUMN/.test(sql) && DOES_NOT_EXIST.test(error.message)));

/** @param onStep called after each applied or reverted migration. */
export function createMigrator(db: Database, onStep: (step: string) => void = () => undefined) {
  const context: MigrationContext = {
    dialect: db.dialect,
    type: COLUMN_TYPES[db.dialect],
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
