import type { Sequelize } from 'sequelize';
import sqlite3 from 'sqlite3';

const BUSY_TIMEOUT_MS = 5_000;

/**
 * The sqlite3 package for Sequelize, with every connection set up as it opens: Sequelize has no hook for that on SQLite.
 * WAL lets readers read while the one writer writes; NORMAL survives a killed process, not a power cut.
 * The only file that names the package.
 */
class Database extends sqlite3.Database {
  constructor(filename: string, mode?: number, callback?: (error: Error | null) => void) {
    super(filename, mode, callback);
    this.configure('busyTimeout', BUSY_TIMEOUT_MS);
    this.serialize(() => {
      this.run('PRAGMA journal_mode = WAL');
      this.run('PRAGMA synchronous = NORMAL');
      this.run('PRAGMA recursive_triggers = ON');
    });
  }
}

export const sqliteDriver = { ...sqlite3, Database };

/** The parts of Sequelize's connection manager for SQLite that its types leave out. */
interface Connections {
  connections: Record<string, Database>;
  getConnection(options: { uuid?: string | undefined }): Promise<Database>;
  releaseConnection(connection: Database): void;
  destroyConnection(connection: Database): Promise<void>;
}

/**
 * Keeps two connections open: one to read, one for the transaction under way, of which there is one at a time. Left to
 * itself Sequelize opens and closes a connection for each transaction, which takes longer than the transaction.
 */
export function keepConnections(sequelize: Sequelize): void {
  const manager = sequelize.connectionManager as unknown as Connections;
  const open = manager.getConnection.bind(manager);

  manager.getConnection = async ({ uuid: transaction }) => {
    const uuid = transaction === undefined ? 'reader' : 'writer';
    try {
      return await open({ uuid });
    } catch (error) {
      delete manager.connections[uuid];
      throw error;
    }
  };
  manager.releaseConnection = () => undefined;
  // For a transaction that could neither commit nor roll back.
  manager.destroyConnection = (connection) => {
    delete manager.connections.writer;
    return new Promise((resolve) => connection.close(() => resolve()));
  };
}
