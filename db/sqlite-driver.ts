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
