import type { Socket } from 'node:net';
import type { Connection, QueryError, QueryResult } from 'mysql2';
import type { Sequelize } from 'sequelize';
import type { SqliteConnection, StatementResult } from './sqlite-driver';
import { routeModelQueries } from './table';
import { type SqlValue, Tx } from './transaction';

/** Called with every statement sent. */
export type OnStatement = (sql: string, values: readonly SqlValue[]) => void;

/** Sends statements over Sequelize's pooled connections. */
export interface StatementExecutor {
  send(sql: string, values: readonly SqlValue[], tx?: Tx): Promise<StatementResult>;
  /** Commits after `work`, or rolls back when it throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

/** A statement without `values` is sent unprepared: its text contains them. */
type SendStatement<C> = (
  connection: C,
  sql: string,
  values: readonly SqlValue[] | undefined,
) => Promise<StatementResult>;

/** @param timeoutMs of one statement on MySQL. */
export function createStatementExecutor(
  sequelize: Sequelize,
  dialect: 'sqlite' | 'mysql',
  timeoutMs: number,
  onStatement?: OnStatement,
): StatementExecutor {
  return dialect === 'mysql'
    ? buildExecutor(sequelize, sendToMysql(timeoutMs), 'START TRANSACTION', onStatement)
    : buildExecutor(sequelize, sendToSqlite, 'BEGIN IMMEDIATE', onStatement);
}

function buildExecutor<C extends object>(
  sequelize: Sequelize,
  sendTo: SendStatement<C>,
  begin: string,
  onStatement: OnStatement | undefined,
): StatementExecutor {
  const { connectionManager } = sequelize;
  const send = async (connection: C, sql: string, values?: readonly SqlValue[]): Promise<StatementResult> => {
    onStatement?.(sql, values ?? []);
    try {
      return await sendTo(connection, sql, values);
    } catch (error) {
      // The driver's stack does not contain the caller; the statement identifies it.
      throw Object.assign(error as Error, { sql });
    }
  };
  routeModelQueries(sequelize, (connection, sql, values) => send(connection as C, sql, values));
  /** SQLite has separate connections for reading and writing: a `uuid` selects the one for writing. */
  const connect = async (uuid?: string): Promise<C> =>
    (await connectionManager.getConnection({ type: 'read', uuid } as { type: 'read' })) as C;

  return {
    async send(sql, values, tx) {
      if (tx !== undefined) {
        if (tx.finished !== undefined) throw new Error(`the transaction is closed (${tx.finished}): ${sql}`);
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
      const tx = new Tx(connection);
      try {
        await send(connection, begin, []);
      } catch (error) {
        await connectionManager.destroyConnection(connection);
        throw error;
      }
      try {
        const result = await work(tx);
        tx.finished = 'commit';
        await send(connection, 'COMMIT', []);
        connectionManager.releaseConnection(connection);
        return result;
      } catch (error) {
        tx.finished = 'rollback';
        await send(connection, 'ROLLBACK', []).then(
          () => connectionManager.releaseConnection(connection),
          // Its state is unknown.
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
 * After the timeout the connection is aborted, and its statements fail as after a lost server. A server that disappears
 * without closing the connection would otherwise block them until the kernel's timeout of 15 minutes, or forever.
 */
export const sendToMysql =
  (timeoutMs: number): SendStatement<Connection> =>
  (connection, sql, values) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => abortConnection(connection, timeoutMs), timeoutMs);
      const settle = (error: QueryError | null, result: QueryResult) => {
        clearTimeout(timer);
        if (error !== null) reject(error);
        else if (Array.isArray(result)) resolve({ rows: result, affectedRows: 0 });
        else resolve({ rows: [], affectedRows: result.affectedRows, insertId: result.insertId });
      };
      // Statements without values often cannot be prepared.
      if (values === undefined || values.length === 0) connection.query(sql, settle);
      else {
        connection.execute(sql, [...values], (error: QueryError | null, result: QueryResult) => {
          // The server's limit counts the statements of all clients.
          if (error?.code === PREPARED_STATEMENT_LIMIT_REACHED) connection.query(sql, [...values], settle);
          else settle(error, result);
        });
      }
    });

/** Destroying the stream fails all pending statements; the driver's own `destroy` would leave them pending. */
function abortConnection(connection: Connection, timeoutMs: number): void {
  const { stream } = connection as Connection & { stream: Socket };
  const error = new Error(`the database did not respond within ${timeoutMs} ms`);
  stream.destroy(Object.assign(error, { code: 'ETIMEDOUT' }));
}
