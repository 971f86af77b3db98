import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { getToolLocations } from '../../../config/start';
import { findFreePort } from '../../../dev/launcher/ports';
import { type Child, runToCompletion, startChild, waitUntilReady } from '../../../dev/launcher/supervisor';

export interface MariaDbPrograms {
  server: string;
  install: string;
}

export interface MariaDb {
  port: number;
  /** `mysql://…` of an account with all privileges; no database, no trailing slash. */
  adminUrl: string;
  pid(): number;
  /** The current or most recent process. */
  child(): Child;
  /** @returns `mysql://…` of a new, empty database with its own account, which has all privileges on it. */
  createDatabase(name: string): Promise<string>;
  /** Shuts down cleanly. */
  stop(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Stops the server if it is running, then starts it on the same data and port. */
  restart(): Promise<void>;
}

const HOST = '127.0.0.1';
const ADMIN = 'admin';
const READY_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 20_000;

/** The default of MySQL 8, stricter than the default of MariaDB. */
const SQL_MODE =
  'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';

/** @returns the installed MariaDB programs; undefined when MariaDB is not installed. */
export function findMariaDb(): MariaDbPrograms | undefined {
  const server = findProgram('mariadbd');
  const install = findProgram('mariadb-install-db');
  return server && install ? { server, install } : undefined;
}

function findProgram(name: string): string | undefined {
  // Debian installs servers in /usr/sbin, which may be missing from PATH.
  const dirs = [...getToolLocations().path.split(delimiter).filter(Boolean), '/usr/sbin', '/usr/local/sbin'];
  return dirs
    .map((dir) => join(dir, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/**
 * Starts MariaDB on 127.0.0.1 with durable commits and its data in `dir` (new or used earlier). It exits with this
 * process.
 * @throws Error when MariaDB is not installed, or with the last lines of its log when it does not start.
 */
export async function startMariaDb(options: { dir: string; port?: number }): Promise<MariaDb> {
  const programs = findMariaDb();
  if (!programs) throw new Error('MariaDB is not installed: apt-get install mariadb-server-core.');
  const { dir } = options;
  const data = join(dir, 'data');
  // Without --user=root a server started by root drops its privileges and cannot read the directory.
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  if (!existsSync(join(data, 'mysql'))) {
    mkdirSync(dir, { recursive: true });
    await runToCompletion({
      name: 'mariadb-install-db',
      command: programs.install,
      args: [
        '--no-defaults',
        `--datadir=${data}`,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
        ...asRoot,
      ],
      logFile: join(dir, 'install.log'),
    });
  }

  const port = options.port ?? (await findFreePort());
  const password = generatePassword();
  const initFile = join(dir, 'init.sql');
  // Runs at each start, with a new password; root has no password, so remote root accounts are deleted.
  const accounts = [
    "DELETE FROM mysql.global_priv WHERE User IN ('root', '') AND Host <> 'localhost'",
    `CREATE OR REPLACE USER '${ADMIN}'@'${HOST}' IDENTIFIED BY '${password}'`,
    `GRANT ALL ON *.* TO '${ADMIN}'@'${HOST}' WITH GRANT OPTION`,
    'FLUSH PRIVILEGES',
  ];
  writeFileSync(initFile, accounts.map((statement) => `${statement};\n`).join(''), { mode: 0o600 });
  const adminUrl = `mysql://${ADMIN}:${password}@${HOST}:${port}`;

  const launch = async (): Promise<Child> => {
    const child = startChild({
      name: 'MariaDB',
      command: programs.server,
      args: [
        '--no-defaults',
        ...asRoot,
        `--datadir=${data}`,
        `--init-file=${initFile}`,
        // Relative to the data directory: a socket path has a limit of about 100 characters.
        '--socket=m.sock',
        `--pid-file=${join(dir, 'mariadb.pid')}`,
        `--bind-address=${HOST}`,
        `--port=${port}`,
        '--skip-name-resolve',
        `--sql-mode=${SQL_MODE}`,
        '--character-set-server=utf8mb4',
        '--innodb-flush-log-at-trx-commit=1',
        '--innodb-buffer-pool-size=256M',
        '--log-bin-trust-function-creators=1',
        '--max-connections=300',
      ],
      logFile: join(dir, 'mariadb.log'),
    });
    await waitUntilReady(child, () => isMySqlReady(adminUrl), READY_TIMEOUT_MS);
    return child;
  };
  let child = await launch();
  return {
    port,
    adminUrl,
    pid: () => child.pid,
    child: () => child,
    createDatabase: (name) => createDatabase(adminUrl, name),
    stop: async () => {
      await child.stop(STOP_GRACE_MS);
    },
    kill: async () => {
      await child.kill();
    },
    restart: async () => {
      await child.stop(STOP_GRACE_MS);
      child = await launch();
    },
  };
}

async function isMySqlReady(url: string): Promise<boolean> {
  try {
    const connection = await createConnection({ uri: url, connectTimeout: 2_000 });
    await connection.end();
    return true;
  } catch {
    return false;
  }
}

/**
 * Creates an empty database and an account of the same name with all privileges on it.
 * @param name letters, digits and `_`; an existing database of this name is dropped.
 * @returns its `mysql://…` URL.
 */
export async function createDatabase(adminUrl: string, name: string): Promise<string> {
  if (!/^\w{1,60}$/.test(name)) throw new Error(`Invalid database name: ${name}`);
  const password = generatePassword();
  const connection = await createConnection({ uri: adminUrl });
  try {
    await connection.query(`DROP DATABASE IF EXISTS \`${name}\``);
    await connection.query(`CREATE DATABASE \`${name}\` CHARACTER SET utf8mb4`);
    await connection.query(`CREATE OR REPLACE USER '${name}'@'${HOST}' IDENTIFIED BY '${password}'`);
    await connection.query(`GRANT ALL ON \`${name}\`.* TO '${name}'@'${HOST}'`);
  } finally {
    await connection.end();
  }
  const { host } = new URL(adminUrl);
  return `mysql://${name}:${password}@${host}/${name}`;
}

const generatePassword = (): string => randomBytes(18).toString('hex');
