import type { Socket } from 'node:net';
import type { Connection, QueryError, QueryResult } from 'mysql2';
import type { Sequelize } from 'sequelize';
import type { Outcome, SqliteConnection } from './sqlite-driver';

/** What a statement is sent with, in the places of its question marks. */
export type Value = string | number | boolean | null;

/** A transaction under way, with a connection to itself. */
export interface Tx {
  readonly connection: object;
  over?: 'committed' | 'rolled back';
}

/** Statements over the connections that Sequelize keeps, each as it is, and kept prepared. */
export interface Wire {
  send(sql: string, values: readonly Value[], tx?: Tx): Promise<Outcome>;
  /** Commits what `work` did, or takes it back when that throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

type Send<C> = (connection: C, sql: string, values: readonly Value[]) => Promise<Outcome>;

/**
 * @param timeoutMs in which MySQL answers a statement.
 * @param onStatement hears of each statement.
 */
export function createWire(
  sequelize: Sequelize,
  dialect: 'sqlite' | 'mysql',
  timeoutMs: number,
  onStatement?: (sql: string) => void,
): Wire {
  return dialect === 'mysql'
    ? wire(sequelize, sendToMysql(timeoutMs), 'START TRANSACTION', onStatement)
    : wire(sequelize, sendToSqlite, 'BEGIN IMMEDIATE', onStatement);
}

function wire<C extends object>(
  { connectionManager }: Sequelize,
  sendTo: Send<C>,
  begin: string,
  onStatement: ((sql: string) => void) | undefined,
): Wire {
  const send = async (connection: C, sql: string, values: readonly Value[] = []): Promise<Outcome> => {
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
        if (tx.over !== undefined) throw new Error(`the transaction is over (${tx.over}): ${sql}`);
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
        tx.over = 'committed';
        await send(connection, 'COMMIT');
        connectionManager.releaseConnection(connection);
        return result;
      } catch (error) {
        tx.over = 'rolled back';
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

const sendToSqlite: Send<SqliteConnection> = (connection, sql, values) => connection.send(sql, values);

const NO_ROOM_TO_PREPARE = 'ER_MAX_PREPARED_STMT_COUNT_REACHED';

/**
 * A server that is gone without a word does not close the connection: the kernel would wait for it for a quarter of an hour,
 * or for good. So behind the time the connection is broken off, and all that waits for it fails as if the server had.
 */
export const sendToMysql =
  (timeoutMs: number): Send<Connection> =>
  (connection, sql, values) =>
    new Promise((resolve, reject) => {
      const silence = setTimeout(() => breakOff(connection, timeoutMs), timeoutMs);
      const settle = (error: QueryError | null, result: QueryResult) => {
        clearTimeout(silence);
        if (error !== null) reject(error);
        else if (Array.isArray(result)) resolve({ rows: result, changed: 0 });
        else resolve({ rows: [], changed: result.affectedRows });
      };
      // What has no values is often something that cannot be prepared.
      if (values.length === 0) connection.query(sql, settle);
      else {
        connection.execute(sql, [...values], (error: QueryError | null, result: QueryResult) => {
          // The server's room is everybody's: others may have taken it.
          if (error?.code === NO_ROOM_TO_PREPARE) connection.query(sql, [...values], settle);
          else settle(error, result);
        });
      }
    });

/** The driver tells everybody who waits. Its own `destroy` tells nobody, and leaves the socket to the kernel. */
function breakOff(connection: Connection, timeoutMs: number): void {
  const { stream } = connection as Connection & { stream: Socket };
  const error = new Error(`the database has not answered for ${timeoutMs} ms`);
  stream.destroy(Object.assign(error, { code: 'ETIMEDOUT' }));
}
