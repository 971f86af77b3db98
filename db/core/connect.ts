import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Connection } from 'mysql2';
import { DatabaseError, type Options, Sequelize } from 'sequelize';
import { AppError } from '../../domain/shared/errors';
import { currentAbortSignal } from './abort-signal';
import { poolConnections, sqliteDriver } from './sqlite-driver';
import { createStatementExecutor, type StatementExecutor, sendToMysql, type Tx } from './statements';

export type { SqlValue, Tx } from './statements';

/** The one door to SQL. Repositories take it; no Sequelize object leaves `db/`. */
export interface Database {
  readonly dialect: 'sqlite' | 'mysql';
  /** For migrations, and whatever else is not sent often. */
  readonly sequelize: Sequelize;
  /** Sends one statement over the connection of the transaction, or one of the pool. */
  readonly send: StatementExecutor['send'];
  /**
   * Runs `work` in one transaction (READ COMMITTED; on SQLite one writer at a time, IMMEDIATE) and commits. A deadlock,
   * a lock wait or a busy database runs the whole of it again, so `work` must have no effect outside the transaction. It
   * is not begun when nobody waits for it any more (`whileWanted`).
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Runs one statement that is a whole transaction: like `write`, without a BEGIN and a COMMIT to wait for. */
  writeStatement<T>(statement: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** `mysql://user:password@host:port/name` or `sqlite:/path/to/file`. */
  url: string;
  /** Connections to MySQL; SQLite has some for reading and one for the write under way. */
  poolSize?: number;
  /**
   * Milliseconds in which MySQL answers a statement, and half of those it waits for the next one of a transaction: behind
   * them the other side is taken for gone. More than the default is for jobs that go through whole tables.
   */
  statementTimeoutMs?: number;
  /** Called with every statement sent: the bench counts them. */
  onStatement?: (sql: string) => void;
}

const MAX_ATTEMPTS = 8;
/** For a connection to MySQL: less than a step of an order may take. */
const ACQUIRE_TIMEOUT_MS = 4_000;
/** Many times what the slowest statement of a request takes, the wait for a row included. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** For a row that somebody else has locked. A step of an order is given up after 5 s, and must not wait on behind that. */
const LOCK_WAIT_SECONDS = 4;
/** Connections nobody has borrowed for so long are closed: before MySQL does it, which could hit the next borrower. */
const IDLE_TIMEOUT_MS = 30_000;
/**
 * Statements that one connection to MySQL keeps prepared: every length of a list is one of its own. The server has room for
 * 16,382 in all unless told otherwise; behind that they go unprepared.
 */
const MAX_PREPARED_STATEMENTS = 200;
/** Writers waiting for SQLite's one pen. Beyond it callers are told to come back, not queued without end. */
const MAX_QUEUED_WRITES = 2_000;
/** MySQL: deadlock, lock wait timeout. SQLite: busy, locked. */
const TRANSIENT_ERROR_CODES = new Set([
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'SQLITE_BUSY',
  'SQLITE_LOCKED',
]);

/** What the driver said, also where Sequelize has put it into an error of its own. */
function getDriverError(error: unknown): { code?: string; fatal?: boolean; message?: string } {
  if (error instanceof DatabaseError) return error.original;
  return (error ?? {}) as { code?: string };
}

export const isTransient = (error: unknown): boolean =>
  TRANSIENT_ERROR_CODES.has(getDriverError(error).code ?? '');

/** The server went away in the middle of a statement: nothing is known of its outcome. */
export const isConnectionLost = (error: unknown): boolean => getDriverError(error).fatal === true;

/** SQLite has one code for all constraints; the message tells them apart. */
export function isDuplicate(error: unknown): boolean {
  const { code, message } = getDriverError(error);
  return (
    code === 'ER_DUP_ENTRY' ||
    (code === 'SQLITE_CONSTRAINT' && message?.includes('UNIQUE constraint failed') === true)
  );
}

export function connect(options: DatabaseOptions): Database {
  const mysql = options.url.startsWith('mysql:');
  const { statementTimeoutMs = STATEMENT_TIMEOUT_MS } = options;
  const sequelize = mysql ? connectMysql(options, statementTimeoutMs) : connectSqlite(options);
  const serialize = mysql ? <T>(work: () => Promise<T>) => work() : serialQueue();

  const untilItHolds = <T>(work: () => Promise<T>): Promise<T> => {
    const signal = currentAbortSignal();
    return serialize(async () => {
      for (let tries = 1; ; tries += 1) {
        signal?.throwIfAborted();
        try {
          return await work();
        } catch (error) {
          if (!isTransient(error) || tries === MAX_ATTEMPTS) throw error;
          await sleep(2 ** tries * (1 + Math.random()));
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
    send,
    write: (work) => untilItHolds(() => transaction(work)),
    writeStatement: untilItHolds,
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
      // The driver's own reading of values: Sequelize's is a function that is called for each of them.
      typeCast: true,
      maxPreparedStatements: MAX_PREPARED_STATEMENTS,
    },
    ...WITHOUT_TIME_ZONE,
    pool: { max: poolSize, min: 0, acquire: ACQUIRE_TIMEOUT_MS, idle: IDLE_TIMEOUT_MS },
  });
  const send = sendToMysql(timeoutMs);
  // A transaction whose process is gone without a word holds its locks until MySQL misses the next statement.
  const waitSeconds = Math.ceil((2 * timeoutMs) / 1_000);
  // Once for each connection; as an option of the transaction it would be sent before every one.
  sequelize.addHook('afterConnect', async (connection) => {
    for (const setting of [
      'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
      `SET SESSION wait_timeout = ${waitSeconds}, innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS}`,
      // The driver quotes with backslashes what it cannot send prepared.
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
    dialectModule: sqliteDriver,
    storage,
  });
  poolConnections(sequelize);
  return sequelize;
}

/** Times are numbers everywhere. Sequelize would set a zone as it connects, and wait for the answer without end. */
const WITHOUT_TIME_ZONE = { keepDefaultTimezone: true } as Options;

const commonOptions = (onStatement?: (sql: string) => void): Options => ({
  logging: onStatement === undefined ? false : (sql) => onStatement(sql),
  define: { timestamps: false, freezeTableName: true, underscored: true },
  // Sequelize would run a failed statement again by itself; whole transactions are what `write` repeats.
  retry: { max: 1 },
});

/** SQLite has one writer: a queue here costs less than connections fighting over the file's lock. */
function serialQueue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return <T>(work: () => Promise<T>): Promise<T> => {
    if (waiting >= MAX_QUEUED_WRITES) {
      return Promise.reject(
        new AppError('overloaded', 'Too much waits to be written. The same request can be repeated.', {
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
