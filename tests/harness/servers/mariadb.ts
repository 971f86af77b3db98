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
  /** `mysql://…` of an account that may do everything; no database, no slash at the end. */
  adminUrl: string;
  pid(): number;
  /** The process that runs now, or ran last. */
  child(): Child;
  /** @returns `mysql://…` of a new, empty database with an account of its own that may do everything there. */
  createDatabase(name: string): Promise<string>;
  /** A clean end. */
  stop(): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Starts it again on the same data and port, after `stop` or `kill`; stops it first when it runs. */
  restart(): Promise<void>;
}

const HOST = '127.0.0.1';
const ADMIN = 'admin';
const READY_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 20_000;

/** MySQL 8's default, which is stricter than MariaDB's. */
const SQL_MODE =
  'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';

/** The programs of an installed MariaDB; undefined when it is not installed. */
export function findMariaDb(): MariaDbPrograms | undefined {
  const server = findProgram('mariadbd');
  const install = findProgram('mariadb-install-db');
  return server && install ? { server, install } : undefined;
}

function findProgram(name: string): string | undefined {
  // Debian keeps servers in /usr/sbin, which is not on everybody's PATH.
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
 * Starts a MariaDB of its own in `dir` (new, or one used before) on 127.0.0.1, with durable commits. It dies with this
 * process.
 * @throws Error when MariaDB is not installed, or with the end of its log.
 */
export async function startMariaDb(options: { dir: string; port?: number }): Promise<MariaDb> {
  const programs = findMariaDb();
  if (!programs) throw new Error('MariaDB is not installed: apt-get install mariadb-server-core.');
  const { dir } = options;
  const data = join(dir, 'data');
  // The server gives up root's rights unless told to keep them, and could not read the directory then.
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
  // Run at each start: the password is new each time, and root cannot log in from the network without one.
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
        // A name of its own and short: a socket's path may have about 100 characters, and it is relative to the data.
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
 * Makes a new, empty database and an account of the same name that may do everything there.
 * @param name letters, digits and `_`; an existing database of this name is dropped.
 * @returns `mysql://…` of it.
 */
export async function createDatabase(adminUrl: string, name: string): Promise<string> {
  if (!/^\w{1,60}$/.test(name)) throw new Error(`not a name for a database: ${name}`);
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
