import type { Socket } from 'node:net';
import type { Connection, QueryError, QueryResult } from 'mysql2';
import type { Sequelize } from 'sequelize';
import type { SqliteConnection, StatementResult } from './sqlite-driver';

/** What a statement is sent with, in the places of its question marks. */
export type SqlValue = string | number | boolean | null;

/** A transaction under way, with a connection to itself. */
export interface Tx {
  readonly connection: object;
  outcome?: 'committed' | 'rolled back';
}

/** Statements over the connections that Sequelize keeps, each as it is, and kept prepared. */
export interface StatementExecutor {
  send(sql: string, values: readonly SqlValue[], tx?: Tx): Promise<StatementResult>;
  /** Commits what `work` did, or takes it back when that throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

type SendStatement<C> = (connection: C, sql: string, values: readonly SqlValue[]) => Promise<StatementResult>;

/**
 * @param timeoutMs in which MySQL answers a statement.
 * @param onStatement hears of each statement.
 */
export function createStatementExecutor(
  sequelize: Sequelize,
  dialect: 'sqlite' | 'mysql',
  timeoutMs: number,
  onStatement?: (sql: string) => void,
): StatementExecutor {
  return dialect === 'mysql'
    ? buildExecutor(sequelize, sendToMysql(timeoutMs), 'START TRANSACTION', onStatement)
    : buildExecutor(sequelize, sendToSqlite, 'BEGIN IMMEDIATE', onStatement);
}

function buildExecutor<C extends object>(
  { connectionManager }: Sequelize,
  sendTo: SendStatement<C>,
  begin: string,
  onStatement: ((sql: string) => void) | undefined,
): StatementExecutor {
  const send = async (
    connection: C,
    sql: string,
    values: readonly SqlValue[] = [],
  ): Promise<StatementResult> => {
    onStatement?.(sql);
    try {
      return await sendTo(connection, sql, values);
    } catch (error) {
      // Its stack is the driver's and does not say who asked; the statement does, and has no values in it.
      throw Object.assign(error as Error, { sql });
    }
  };
  /** On SQLite the one for writing is not the one for reading: a transaction is known by an id there. */
  const connect = async (uuid?: string): Promise<C> =>
    (await connectionManager.getConnection({ type: 'read', uuid } as { type: 'read' })) as C;

  return {
    async send(sql, values, tx) {
      if (tx !== undefined) {
        if (tx.outcome !== undefined) throw new Error(`the transaction is over (${tx.outcome}): ${sql}`);
        return send(tx.connection as C, sql, values);
      }
      const connection = await connect();
      try {
        return await send(connection, sql, values);
      } finally {
        connectionManager.releaseConnection(connection);
      }
    },

    async transaction(work) {
      const connection = await connect('transaction');
      const tx: Tx = { connection };
      try {
        await send(connection, begin);
        const result = await work(tx);
        tx.outcome = 'committed';
        await send(connection, 'COMMIT');
        connectionManager.releaseConnection(connection);
        return result;
      } catch (error) {
        tx.outcome = 'rolled back';
        await send(connection, 'ROLLBACK').then(
          () => connectionManager.releaseConnection(connection),
          // In what state it is nobody knows.
          () => connectionManager.destroyConnection(connection),
        );
        throw error;
      }
    },
  };
}

const sendToSqlite: SendStatement<SqliteConnection> = (connection, sql, values) =>
  connection.send(sql, values);

const PREPARED_STATEMENT_LIMIT_REACHED = 'ER_MAX_PREPARED_STMT_COUNT_REACHED';

/**
 * A server that is gone without a word does not close the connection: the kernel would wait for it for a quarter of an hour,
 * or for good. So behind the time the connection is broken off, and all that waits for it fails as if the server had.
 */
export const sendToMysql =
  (timeoutMs: number): SendStatement<Connection> =>
  (connection, sql, values) =>
    new Promise((resolve, reject) => {
      const silence = setTimeout(() => abortConnection(connection, timeoutMs), timeoutMs);
      const settle = (error: QueryError | null, result: QueryResult) => {
        clearTimeout(silence);
        if (error !== null) reject(error);
        else if (Array.isArray(result)) resolve({ rows: result, affectedRows: 0 });
        else resolve({ rows: [], affectedRows: result.affectedRows, insertId: result.insertId });
      };
      // What has no values is often something that cannot be prepared.
      if (values.length === 0) connection.query(sql, settle);
      else {
        connection.execute(sql, [...values], (error: QueryError | null, result: QueryResult) => {
          // The server's room is everybody's: others may have taken it.
          if (error?.code === PREPARED_STATEMENT_LIMIT_REACHED) connection.query(sql, [...values], settle);
          else settle(error, result);
        });
      }
    });

/** The driver tells everybody who waits. Its own `destroy` tells nobody, and leaves the socket to the kernel. */
function abortConnection(connection: Connection, timeoutMs: number): void {
  const { stream } = connection as Connection & { stream: Socket };
  const error = new Error(`the database has not answered for ${timeoutMs} ms`);
  stream.destroy(Object.assign(error, { code: 'ETIMEDOUT' }));
}
