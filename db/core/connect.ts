import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Connection } from 'mysql2';
import { DatabaseError, type Options, Sequelize } from 'sequelize';
import { AppError } from '../../domain/shared/errors';
import { currentAbortSignal } from './abort-signal';
import { defineModels, type Models } from './models';
import { holdConnections } from './sqlite-driver';
import { createStatementExecutor, type OnStatement, type StatementExecutor, sendToMysql } from './statements';
import type { Tx } from './transaction';

export type { SqlValue, Tx } from './transaction';

/** The only access to SQL. Repositories take it; no Sequelize object leaves `db/`. */
export interface Database {
  readonly dialect: 'sqlite' | 'mysql';
  /** For migrations and other rare statements. */
  readonly sequelize: Sequelize;
  /** For plain reads and writes; `send` is for hot paths, locks and conditional updates. */
  readonly models: Models;
  /** Sends one statement over the connection of the transaction, or one of the pool. */
  readonly send: StatementExecutor['send'];
  /**
   * Runs `work` in one transaction (READ COMMITTED; on SQLite IMMEDIATE, one writer at a time) and commits. A deadlock,
   * lock timeout or busy database runs all of it again, so `work` must have no effect outside the transaction.
   * @throws the abort reason when the signal of `withAbortSignal` is aborted before the transaction begins.
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Like `write` for a single statement; on MySQL without the round trips of BEGIN and COMMIT. */
  writeStatement<T>(statement: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** `mysql://user:password@host:port/name` or `sqlite:/path/to/file`. */
  url: string;
  /** Connections to MySQL. SQLite has one for reading and one for the current write. */
  poolSize?: number;
  /**
   * Time limit of a statement on MySQL, and half the time that MySQL waits for the next statement of a transaction:
   * after it, either side treats the connection as lost. Jobs that read whole tables need more than the default.
   */
  statementTimeoutMs?: number;
  onStatement?: OnStatement;
}

const MAX_ATTEMPTS = 8;
/** For a connection to MySQL: less than the time limit of an activity of an order. */
const ACQUIRE_TIMEOUT_MS = 4_000;
/** Many times the duration of the slowest statement of a request, including lock waits. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** For a locked row. The activities of an order time out after 5 s and must not wait longer. */
const LOCK_WAIT_SECONDS = 4;
/** Idle connections are closed before MySQL closes them, which could fail the next borrower. */
const IDLE_TIMEOUT_MS = 30_000;
/**
 * Of one connection to MySQL; every length of a list is a separate statement. The server's default limit for all
 * connections is 16,382; beyond it statements are sent unprepared.
 */
const MAX_PREPARED_STATEMENTS = 200;
/** Writes queued for SQLite's single writer. Further ones are rejected as `overloaded`. */
const MAX_QUEUED_WRITES = 2_000;
/** MySQL: deadlock, lock wait timeout. SQLite: busy, locked. */
const TRANSIENT_ERROR_CODES = new Set([
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
]);
const DUPLICATE_ERROR_CODES = new Set([
  'ER_DUP_ENTRY',
  'SQLITE_CONSTRAINT_PRIMARYKEY',
  'SQLITE_CONSTRAINT_UNIQUE',
]);

/** The driver's error, also when Sequelize has wrapped it. */
function getDriverError(error: unknown): { code?: string; fatal?: boolean } {
  if (error instanceof DatabaseError) return error.original as { code?: string };
  return (error ?? {}) as { code?: string };
}

export const isTransient = (error: unknown): boolean =>
  TRANSIENT_ERROR_CODES.has(getDriverError(error).code ?? '');

/** The connection was lost during a statement, whose outcome is unknown. */
export const isConnectionLost = (error: unknown): boolean => getDriverError(error).fatal === true;

export const isDuplicate = (error: unknown): boolean =>
  DUPLICATE_ERROR_CODES.has(getDriverError(error).code ?? '');

export function connect(options: DatabaseOptions): Database {
  const mysql = options.url.startsWith('mysql:');
  const { statementTimeoutMs = STATEMENT_TIMEOUT_MS } = options;
  const sequelize = mysql ? connectMysql(options, statementTimeoutMs) : connectSqlite(options);
  const serialize = mysql ? <T>(work: () => Promise<T>) => work() : serialQueue();

  const retryTransient = <T>(work: () => Promise<T>): Promise<T> => {
    const signal = currentAbortSignal();
    return serialize(async () => {
      for (let attempt = 1; ; attempt += 1) {
        signal?.throwIfAborted();
        try {
          return await work();
        } catch (error) {
          if (!isTransient(error) || attempt === MAX_ATTEMPTS) throw error;
          await sleep(2 ** attempt * (1 + Math.random()));
        }
      }
    });
  };

  const dialect = mysql ? 'mysql' : 'sqlite';
  const { send, transaction } = createStatementExecutor(
    sequelize,
    dialect,
    statementTimeoutMs,
    options.onStatement,
  );
  return {
    dialect,
    sequelize,
    models: defineModels(sequelize),
    send,
    write: (work) => retryTransient(() => transaction(work)),
    writeStatement: retryTransient,
    close: () => sequelize.close(),
  };
}

function connectMysql({ url, poolSize = 20, onStatement }: DatabaseOptions, timeoutMs: number): Sequelize {
  const sequelize = new Sequelize(url, {
    ...commonOptions(onStatement),
    dialect: 'mysql',
    dialectOptions: {
      connectTimeout: 5_000,
      charset: 'utf8mb4',
      supportBigNumbers: true,
      // The driver's own parsing of values: Sequelize's is a function call for each value.
      typeCast: true,
      maxPreparedStatements: MAX_PREPARED_STATEMENTS,
    },
    ...WITHOUT_TIME_ZONE,
    pool: { max: poolSize, min: 0, acquire: ACQUIRE_TIMEOUT_MS, idle: IDLE_TIMEOUT_MS },
  });
  const send = sendToMysql(timeoutMs);
  // Releases the locks of a transaction whose client disappeared without closing its connection.
  const waitSeconds = Math.ceil((2 * timeoutMs) / 1_000);
  // Once for each connection: an option of the transaction would be sent with every transaction.
  sequelize.addHook('afterConnect', async (connection) => {
    for (const setting of [
      'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
      `SET SESSION wait_timeout = ${waitSeconds}, innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS}`,
      // The driver escapes the values of unprepared statements with backslashes.
      "SET SESSION sql_mode = REPLACE(@@SESSION.sql_mode, 'NO_BACKSLASH_ESCAPES', '')",
    ]) {
      await send(connection as Connection, setting, []);
    }
  });
  return sequelize;
}

function connectSqlite({ url, onStatement }: DatabaseOptions): Sequelize {
  const storage = url.replace(/^sqlite:/, '');
  mkdirSync(dirname(storage), { recursive: true });
  const sequelize = new Sequelize({
    ...commonOptions(onStatement),
    dialect: 'sqlite',
    // Instead of the sqlite3 package, from which Sequelize would open its connections.
    dialectModule: {},
  });
  holdConnections(sequelize, storage);
  return sequelize;
}

/** Times are numbers everywhere. Sequelize would set a time zone on connecting, without a timeout. */
const WITHOUT_TIME_ZONE = { keepDefaultTimezone: true } as Options;

const commonOptions = (onStatement?: OnStatement): Options => ({
  logging: onStatement === undefined ? false : (sql) => onStatement(sql, []),
  define: { timestamps: false, freezeTableName: true, underscored: true },
  // Sequelize would retry single statements; `write` retries whole transactions.
  retry: { max: 1 },
});

/** SQLite has one writer: a queue costs less than connections competing for the file lock. */
function serialQueue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return <T>(work: () => Promise<T>): Promise<T> => {
    if (waiting >= MAX_QUEUED_WRITES) {
      return Promise.reject(
        new AppError('overloaded', 'The write queue of the database is full. Retry the same request later.', {
          retryAfterSeconds: 2,
        }),
      );
    }
    waiting += 1;
    const result = last.then(work).finally(() => {
      waiting -= 1;
    });
    last = result.catch(() => undefined);
    return result;
  };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
