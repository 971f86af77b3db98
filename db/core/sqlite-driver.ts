import type { Sequelize } from 'sequelize';
import sqlite3 from 'sqlite3';

const BUSY_TIMEOUT_MS = 5_000;
/** Of one connection. Every length of a list is a statement of its own. */
const MAX_PREPARED_STATEMENTS = 200;
/** Connections to read with. Node has four threads for all of them: one is left for whoever writes. */
const READER_NAMES = ['reader-1', 'reader-2', 'reader-3'];

/** What came of one statement: the rows of one that reads, how many rows another one changed. */
export interface StatementResult {
  rows: object[];
  affectedRows: number;
  /** MySQL: the value of `LAST_INSERT_ID()` that the statement set. */
  insertId?: number;
}

/**
 * The sqlite3 package for Sequelize, with every connection set up as it opens: Sequelize has no hook for that on SQLite.
 * WAL lets readers read while the one writer writes; NORMAL survives a killed process, not a power cut.
 * The only file that names the package.
 */
export class SqliteConnection extends sqlite3.Database {
  /** By their SQL, the one used last at the end. */
  private readonly prepared = new Map<string, Promise<sqlite3.Statement>>();
  private lastStatement: Promise<unknown> = Promise.resolve();
  /** How many have it at once. */
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
   * Runs one statement after the other, each prepared once. Statements that overlap would share one view of the database,
   * which under a steady load is never renewed.
   */
  send(sql: string, values: readonly unknown[]): Promise<StatementResult> {
    const result = this.lastStatement.then(() => this.execute(sql, values));
    this.lastStatement = result.catch(() => undefined);
    return result;
  }

  private async execute(sql: string, values: readonly unknown[]): Promise<StatementResult> {
    const statement = await this.getPreparedStatement(sql);
    return new Promise((resolve, reject) => {
      if (RETURNS_ROWS.test(sql)) {
        statement.all<object>(values, (error, rows) =>
          error === null ? resolve({ rows, affectedRows: 0 }) : reject(error),
        );
      } else {
        statement.run(values, function (error) {
          if (error === null) resolve({ rows: [], affectedRows: this.changes });
          else reject(error);
        });
      }
    });
  }

  private getPreparedStatement(sql: string): Promise<sqlite3.Statement> {
    const statement = this.prepared.get(sql) ?? this.prepareStatement(sql);
    // Behind all others: the one used last.
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

/** Statements that give rows. */
const RETURNS_ROWS = /^\s*(SELECT|PRAGMA|EXPLAIN|WITH)\b|\bRETURNING\b/i;

export const sqliteDriver = { ...sqlite3, Database: SqliteConnection };

/** The parts of Sequelize's connection manager for SQLite that its types leave out. */
interface SqliteConnectionManager {
  connections: Record<string, SqliteConnection>;
  getConnection(options: { uuid?: string | undefined }): Promise<SqliteConnection>;
  releaseConnection(connection: SqliteConnection): void;
  destroyConnection(connection: SqliteConnection): Promise<void>;
}

/**
 * Keeps connections open: some to read, one for the transaction under way, of which there is one at a time. Left to
 * itself Sequelize opens and closes a connection for each transaction, which takes longer than the transaction.
 */
export function poolConnections(sequelize: Sequelize): void {
  const manager = sequelize.connectionManager as unknown as SqliteConnectionManager;
  const open = manager.getConnection.bind(manager);

  /** The one that fewest have; one that is not open yet nobody has. */
  const reader = (): string => {
    const borrowers = READER_NAMES.map((name) => manager.connections[name]?.borrowerCount ?? 0);
    return READER_NAMES[borrowers.indexOf(Math.min(...borrowers))] as string;
  };

  manager.getConnection = async ({ uuid: transaction }) => {
    const uuid = transaction === undefined ? reader() : 'writer';
    try {
      const opened = open({ uuid });
      // It is there at once, and counts before another is looked for.
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
