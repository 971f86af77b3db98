import { DatabaseSync } from '@photostructure/sqlite';
import type { Sequelize } from 'sequelize';
import { currentAbortSignal } from './abort-signal';

/** Of one connection. Every length of a list is a separate statement. */
const MAX_PREPARED_STATEMENTS = 200;
/** Statements block: after this time in one turn of the event loop, the next statement waits for a new turn. */
const MAX_TURN_MS = 10;
/** For the write lock of another process, as long as the time limit of an activity of an order. */
const BUSY_WAIT_MS = 5_000;
const MAX_BUSY_PAUSE_MS = 50;

/** Names of SQLite's result codes, as `code` of errors. The package gives numbers. */
const CODE_NAMES: Record<number, string> = {
  5: 'SQLITE_BUSY',
  6: 'SQLITE_LOCKED',
  1555: 'SQLITE_CONSTRAINT_PRIMARYKEY',
  2067: 'SQLITE_CONSTRAINT_UNIQUE',
};
const PRIMARY_CODE_MASK = 0xff;

/** The rows that a statement returned, or the number of rows that it changed. */
export interface StatementResult {
  rows: object[];
  affectedRows: number;
  /** MySQL: the value of `LAST_INSERT_ID()` that the statement set. */
  insertId?: number;
}

/** In order, or by the name of their placeholder. */
type Values = readonly unknown[] | Readonly<Record<string, unknown>>;
type BoundValue = string | bigint | number | Uint8Array | null;
type SqliteDatabase = InstanceType<typeof DatabaseSync>;
interface PreparedStatement {
  statement: ReturnType<SqliteDatabase['prepare']>;
  returnsRows: boolean;
}
type QueryCallback = (this: { changes: number }, error: unknown, rows?: object[]) => void;

/**
 * A connection of the SQLite package, whose calls block the event loop. WAL allows reads during a write; NORMAL survives
 * a killed process, not a power failure.
 */
export class SqliteConnection {
  private readonly database: SqliteDatabase;
  /** By their SQL, the most recently used one last. */
  private readonly prepared = new Map<string, PreparedStatement>();

  constructor(file: string) {
    this.database = new DatabaseSync(file);
    for (const setting of [
      // Only while opening: another process may be creating the file.
      `busy_timeout = ${BUSY_WAIT_MS}`,
      'journal_mode = WAL',
      'synchronous = NORMAL',
      'recursive_triggers = ON',
      'foreign_keys = ON',
      // SQLite's own waiting would block the event loop.
      'busy_timeout = 0',
    ]) {
      this.database.exec(`PRAGMA ${setting}`);
    }
  }

  get inTransaction(): boolean {
    return this.database.isTransaction;
  }

  /**
   * A statement without `values` is sent unprepared: its text contains them. Outside a transaction it waits up to 5 s
   * for the lock of another process, without blocking the event loop.
   * @throws the abort reason when the signal of `withAbortSignal` is aborted while it waits.
   */
  async send(sql: string, values?: Values): Promise<StatementResult> {
    await takeTurn();
    let deadlineMs: number | undefined;
    for (let pauseMs = 1; ; pauseMs = Math.min(2 * pauseMs, MAX_BUSY_PAUSE_MS)) {
      try {
        return this.execute(sql, values);
      } catch (error) {
        nameErrorCode(error);
        deadlineMs ??= performance.now() + BUSY_WAIT_MS;
        const isBusy = (error as { code?: string }).code === 'SQLITE_BUSY';
        if (!isBusy || this.inTransaction || performance.now() > deadlineMs) throw error;
        await sleep(pauseMs);
        currentAbortSignal()?.throwIfAborted();
      }
    }
  }

  private execute(sql: string, values: Values | undefined): StatementResult {
    const { statement, returnsRows } =
      values === undefined ? this.prepare(sql) : this.getPreparedStatement(sql);
    const bound = bindValues(values ?? [], returnsRows);
    return returnsRows
      ? { rows: statement.all(...bound) as object[], affectedRows: 0 }
      : { rows: [], affectedRows: Number(statement.run(...bound).changes) };
  }

  private prepare(sql: string): PreparedStatement {
    const statement = this.database.prepare(sql);
    return { statement, returnsRows: statement.columns().length > 0 };
  }

  private getPreparedStatement(sql: string): PreparedStatement {
    const statement = this.prepared.get(sql) ?? this.prepare(sql);
    // Moved to the end: the most recently used one.
    this.prepared.delete(sql);
    this.prepared.set(sql, statement);
    const [oldest] = this.prepared.keys();
    if (this.prepared.size > MAX_PREPARED_STATEMENTS && oldest !== undefined) this.prepared.delete(oldest);
    return statement;
  }

  /** Called by Sequelize, whose queries of migrations expect the interface of the sqlite3 package. */
  serialize(work: () => void): void {
    work();
  }

  all(sql: string, ...args: [QueryCallback] | [Values, QueryCallback]): void {
    const callback = args.at(-1) as QueryCallback;
    const values = args.length === 2 ? args[0] : [];
    this.send(sql, values).then(
      ({ rows, affectedRows }) => callback.call({ changes: affectedRows }, null, rows),
      (error: unknown) => callback.call({ changes: 0 }, error),
    );
  }

  run(sql: string, values: Values, callback: QueryCallback): void {
    this.all(sql, values, callback);
  }

  /** Moves the WAL into the file, which SQLite does only after its statements are garbage-collected. */
  close(callback: (error: null) => void): void {
    this.prepared.clear();
    if (!this.inTransaction) this.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    this.database.close();
    callback(null);
  }
}

function nameErrorCode(error: unknown): void {
  const { errcode = 0 } = error as { errcode?: number };
  const code = CODE_NAMES[errcode] ?? CODE_NAMES[errcode & PRIMARY_CODE_MASK];
  if (code !== undefined) Object.assign(error as Error, { code });
}

/** The arguments of the package's methods. Sequelize names values after their placeholders: `$1`. */
function bindValues(values: Values, returnsRows: boolean): BoundValue[] | [Record<string, BoundValue>] {
  const bind = (value: unknown) => bindValue(value, returnsRows);
  if (Array.isArray(values)) return values.map(bind);
  return [Object.fromEntries(Object.entries(values).map(([name, value]) => [name, bind(value)]))];
}

function bindValue(value: unknown, returnsRows: boolean): BoundValue {
  switch (typeof value) {
    case 'string':
      return value.includes('\0') ? bindTextWithNul(value, returnsRows) : value;
    case 'number':
      // Larger ones would be bound as floating point.
      return (value | 0) !== value && Number.isSafeInteger(value) ? BigInt(value) : value;
    case 'boolean':
      return Number(value);
    case 'bigint':
      return value;
    default:
      if (value === null || value instanceof Uint8Array) return value;
      // The package would store some of them as NULL.
      throw new TypeError(`SQLite cannot store a value of the type ${typeof value}`);
  }
}

/** The package shortens text at a NUL. As a BLOB it equals no stored text. */
function bindTextWithNul(text: string, returnsRows: boolean): Uint8Array {
  if (!returnsRows) throw new TypeError('SQLite cannot store text with a NUL character');
  return Buffer.from(text);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** When the first statement of the current turn of the event loop was sent; undefined before it. */
let turnStartedMs: number | undefined;

/**
 * Waits for the next turn of the event loop when the current one has taken too long. A chain of awaited statements never
 * waits for I/O and would otherwise block timers, sockets and all other requests until it ends.
 */
async function takeTurn(): Promise<void> {
  if (turnStartedMs !== undefined && performance.now() - turnStartedMs > MAX_TURN_MS) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (turnStartedMs === undefined) {
    turnStartedMs = performance.now();
    setImmediate(() => {
      turnStartedMs = undefined;
    });
  }
}

/** The parts of Sequelize's connection manager for SQLite that its types omit. */
interface SqliteConnectionManager {
  /** Closed with the Sequelize instance. */
  connections: Record<string, SqliteConnection>;
  getConnection(options: { uuid?: string | undefined }): Promise<SqliteConnection>;
  releaseConnection(connection: SqliteConnection): void;
  destroyConnection(connection: SqliteConnection): Promise<void>;
}

/**
 * Holds two connections open: one for the current transaction, and one for reads beside it, which must not see its
 * uncommitted rows. By default Sequelize opens and closes a connection for each transaction.
 */
export function holdConnections(sequelize: Sequelize, file: string): void {
  const manager = sequelize.connectionManager as unknown as SqliteConnectionManager;
  const { connections } = manager;
  manager.getConnection = async ({ uuid: transaction }) => {
    const name = transaction === undefined ? 'reader' : 'writer';
    connections[name] ??= new SqliteConnection(file);
    return connections[name];
  };
  manager.releaseConnection = () => undefined;
  // After a failed rollback. Without an open transaction the connection is as good as a new one.
  manager.destroyConnection = async (connection) => {
    if (!connection.inTransaction) return;
    delete connections.writer;
    connection.close(() => undefined);
  };
}
