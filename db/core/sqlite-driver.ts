import type { Sequelize } from 'sequelize';
import sqlite3 from 'sqlite3';

const BUSY_TIMEOUT_MS = 5_000;
/** Of one connection. Every length of a list is a separate statement. */
const MAX_PREPARED_STATEMENTS = 200;
/** Connections for reading. They share Node's four threads: one is left for writing. */
const READER_NAMES = ['reader-1', 'reader-2', 'reader-3'];

/** The rows that a statement returned, or the number of rows that it changed. */
export interface StatementResult {
  rows: object[];
  affectedRows: number;
  /** MySQL: the value of `LAST_INSERT_ID()` that the statement set. */
  insertId?: number;
}

/**
 * A connection of the sqlite3 package, configured when it opens: Sequelize has no hook for that on SQLite. WAL allows
 * reads during a write; NORMAL survives a killed process, not a power failure.
 */
export class SqliteConnection extends sqlite3.Database {
  /** By their SQL, the most recently used one last. */
  private readonly prepared = new Map<string, Promise<sqlite3.Statement>>();
  private lastStatement: Promise<unknown> = Promise.resolve();
  /** Number of concurrent borrowers. */
  borrowerCount = 0;

  constructor(filename: string, mode?: number, callback?: (error: Error | null) => void) {
    super(filename, mode, callback);
    this.configure('busyTimeout', BUSY_TIMEOUT_MS);
    this.serialize(() => {
      this.run('PRAGMA journal_mode = WAL');
      this.run('PRAGMA synchronous = NORMAL');
      this.run('PRAGMA recursive_triggers = ON');
    });
  }

  /**
   * Runs statements sequentially: overlapping ones would share one snapshot, which is never renewed under a steady load.
   * A statement without `values` is sent unprepared: its text contains them.
   */
  send(sql: string, values?: readonly unknown[]): Promise<StatementResult> {
    const result = this.lastStatement.then(() => this.execute(sql, values));
    this.lastStatement = result.catch(() => undefined);
    return result;
  }

  private async execute(sql: string, values?: readonly unknown[]): Promise<StatementResult> {
    const statement = await (values === undefined
      ? this.prepareStatement(sql)
      : this.getPreparedStatement(sql));
    const result = new Promise<StatementResult>((resolve, reject) => {
      if (RETURNS_ROWS.test(sql)) {
        statement.all<object>(values ?? [], (error, rows) =>
          error === null ? resolve({ rows, affectedRows: 0 }) : reject(error),
        );
      } else {
        statement.run(values ?? [], function (error) {
          if (error === null) resolve({ rows: [], affectedRows: this.changes });
          else reject(error);
        });
      }
    });
    return values === undefined ? result.finally(() => statement.finalize()) : result;
  }

  private getPreparedStatement(sql: string): Promise<sqlite3.Statement> {
    const statement = this.prepared.get(sql) ?? this.prepareStatement(sql);
    // Moved to the end: the most recently used one.
    this.prepared.delete(sql);
    this.prepared.set(sql, statement);
    const [oldest] = this.prepared.keys();
    if (this.prepared.size > MAX_PREPARED_STATEMENTS && oldest !== undefined) this.evictStatement(oldest);
    return statement;
  }

  private prepareStatement(sql: string): Promise<sqlite3.Statement> {
    const statement = new Promise<sqlite3.Statement>((resolve, reject) => {
      const made = this.prepare(sql, (error) => (error === null ? resolve(made) : reject(error)));
    });
    statement.catch(() => this.prepared.delete(sql));
    return statement;
  }

  private evictStatement(sql: string): void {
    const statement = this.prepared.get(sql);
    this.prepared.delete(sql);
    statement?.then(
      (known) => known.finalize(),
      () => undefined,
    );
  }

  /** A connection with prepared statements cannot be closed. */
  override close(callback?: (error: Error | null) => void): void {
    const close = () => super.close(callback);
    Promise.allSettled(this.prepared.values())
      .then(() => {
        for (const sql of [...this.prepared.keys()]) this.evictStatement(sql);
        return this.lastStatement;
      })
      .then(close, close);
  }
}

/** Statements that return rows. */
const RETURNS_ROWS = /^\s*(SELECT|PRAGMA|EXPLAIN|WITH)\b|\bRETURNING \w+$/i;

export const sqliteDriver = { ...sqlite3, Database: SqliteConnection };

/** The parts of Sequelize's connection manager for SQLite that its types omit. */
interface SqliteConnectionManager {
  connections: Record<string, SqliteConnection>;
  getConnection(options: { uuid?: string | undefined }): Promise<SqliteConnection>;
  releaseConnection(connection: SqliteConnection): void;
  destroyConnection(connection: SqliteConnection): Promise<void>;
}

/**
 * Holds connections open: three for reading, one for the current transaction. By default Sequelize opens and closes a
 * connection for each transaction, which takes longer than the transaction.
 */
export function poolConnections(sequelize: Sequelize): void {
  const manager = sequelize.connectionManager as unknown as SqliteConnectionManager;
  const open = manager.getConnection.bind(manager);

  /** The one with the fewest borrowers. */
  const reader = (): string => {
    const borrowers = READER_NAMES.map((name) => manager.connections[name]?.borrowerCount ?? 0);
    return READER_NAMES[borrowers.indexOf(Math.min(...borrowers))] as string;
  };

  manager.getConnection = async ({ uuid: transaction }) => {
    const uuid = transaction === undefined ? reader() : 'writer';
    try {
      const opened = open({ uuid });
      // Sequelize stores it synchronously, so it is counted before the next one is chosen.
      const connection = manager.connections[uuid];
      if (connection !== undefined) connection.borrowerCount += 1;
      return await opened;
    } catch (error) {
      delete manager.connections[uuid];
      throw error;
    }
  };
  manager.releaseConnection = (connection) => {
    connection.borrowerCount -= 1;
  };
  // For a transaction that could neither commit nor roll back.
  manager.destroyConnection = (connection) => {
    delete manager.connections.writer;
    return new Promise((resolve) => connection.close(() => resolve()));
  };
}
