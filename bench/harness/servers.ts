import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getToolLocations, inheritEnvironment } from '../../config/start';
import { connect, type Database } from '../../db/core/connect';
import { createMigrator } from '../../db/core/migrate';
import { seed } from '../../db/core/seed';
import { execute, select } from '../../db/core/sql';
import { findFreePort } from '../../dev/launcher/ports';
import {
  buildCompiledCommand,
  type Child,
  isUrlReachable,
  startChild,
  waitUntilReady,
} from '../../dev/launcher/supervisor';
import { findTemporalCli, startDevServer } from '../../dev/launcher/temporal-cli';
import type { OrderStatus } from '../../domain/orders/order';
import { createMachineToken } from '../../tests/harness/servers/machine-token';
import { createDatabase, findMariaDb, startMariaDb } from '../../tests/harness/servers/mariadb';

export type Dialect = 'sqlite' | 'mysql';

export interface Servers {
  temporalAddress: string;
  referenceQueue: string;
  /** Starts the shape of an order: `POST /<workflow id>`. */
  referenceUrl: string;
  databaseUrl: string;
  apiUrl: string;
  /** Credentials of a machine account with every permission. */
  headers: Record<string, string>;
  /** Bare Express; below `/with-middleware` with the system's middleware. */
  expressUrl: string;
  /** Process ids by name. */
  pids: Readonly<Record<string, number>>;
  /** Makes the mail server unavailable: mails wait in their delivery workflows. */
  stopMails(): Promise<void>;
  startMails(): void;
  /** Statements received since the database started; null for SQLite, which does not count them. */
  countStatements(): Promise<number | null>;
  countOpenOrders(): Promise<number>;
  countUndecidedOrders(): Promise<number>;
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 90_000;
const STOCK_UNITS = 10_000_000;

/** The databases installed on this machine. */
export const listDialects = (): Dialect[] => (findMariaDb() ? ['sqlite', 'mysql'] : ['sqlite']);

/**
 * Starts Temporal, the database, the simulator, the system and the references on free ports, with files in a temporary
 * directory. @param dist the compiled code, as in production.
 */
export async function startServers(dialect: Dialect, dist: string): Promise<Servers> {
  const dir = mkdtempSync(join(tmpdir(), 'orders-bench-'));
  const log = (name: string) => join(dir, `${name}.log`);
  const children: Child[] = [];
  const start = (
    name: string,
    [script, ...args]: [string, ...string[]],
    env: Record<string, string> = {},
  ) => {
    const child = startChild({
      name,
      ...buildCompiledCommand(join(dist, script), ...args),
      env: inheritEnvironment(env),
      logFile: log(name),
    });
    children.push(child);
    return child;
  };

  const cli = await findTemporalCli({
    ...getToolLocations(),
    progress: (text) => process.stderr.write(`${text}\n`),
  });
  const temporal = await startDevServer({
    cli,
    port: await findFreePort(),
    namespace: 'default',
    dbFile: join(dir, 'temporal.db'),
    logFile: log('temporal'),
  });
  const mariadb = dialect === 'mysql' ? await startMariaDb({ dir: join(dir, 'mariadb') }) : undefined;
  const databaseUrl =
    mariadb === undefined
      ? `sqlite:${join(dir, 'orders.db')}`
      : await createDatabase(mariadb.adminUrl, 'bench');
  const db = connect({ url: databaseUrl });
  await createMigrator(db).up();
  await seed(db, Date.now());
  await db.write((tx) => execute(db, 'UPDATE stock SET on_hand = :units', { units: STOCK_UNITS }, tx));

  const mailPort = await findFreePort();
  const environment = {
    DATA_DIR: dir,
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: temporal.address,
    STRIPE_API_KEY: 'sk_test_bench',
    SMTP_URL: `smtp://127.0.0.1:${mailPort}`,
    AUDIT_KEY: 'ab'.repeat(32),
    // Requests are counted but never limited.
    RATE_LIMIT_ADDRESS: '1000000',
    RATE_LIMIT_PRINCIPAL: '1000000',
    RATE_LIMIT_PLACEMENT: '1000000',
  };
  const token = await createMachineToken(environment, databaseUrl);
  const [port, simulatorPort, barePort] = [await findFreePort(), await findFreePort(), await findFreePort()];
  const simulator = start('simulator', ['dev/payment-simulator/main.js'], {
    SIMULATOR_PORT: String(simulatorPort),
    DATA_DIR: dir,
  });
  const system = start('system', ['dev/launcher/system.js'], {
    ...environment,
    PORT: String(port),
    STRIPE_API_URL: `http://127.0.0.1:${simulatorPort}`,
    LOG_LEVEL: 'warn',
    DECISION_WAIT_MS: '60000',
  });
  const startMails = () => start('mails', ['bench/reference/mail-sink.js', String(mailPort)]);
  let mails = startMails();
  const referenceQueue = 'reference';
  const referencePort = await findFreePort();
  const reference = start('reference', [
    'bench/reference/worker.js',
    temporal.address,
    referenceQueue,
    String(referencePort),
  ]);
  const bare = start('bare', ['bench/reference/bare-express.js', String(barePort)], environment);

  const apiUrl = `http://127.0.0.1:${port}`;
  const bareUrl = `http://127.0.0.1:${barePort}`;
  await Promise.all([
    waitUntilReady(
      simulator,
      () => isUrlReachable(`http://127.0.0.1:${simulatorPort}/healthz`),
      READY_TIMEOUT_MS,
    ),
    waitUntilReady(system, () => isUrlReachable(`${apiUrl}/readyz`), READY_TIMEOUT_MS),
    waitUntilReady(bare, () => isUrlReachable(`${bareUrl}/healthz`), READY_TIMEOUT_MS),
  ]);

  return {
    temporalAddress: temporal.address,
    referenceQueue,
    referenceUrl: `http://127.0.0.1:${referencePort}`,
    databaseUrl,
    apiUrl,
    headers: { authorization: `Bearer ${token}` },
    expressUrl: bareUrl,
    pids: {
      temporal: temporal.pid,
      ...(mariadb === undefined ? {} : { database: mariadb.pid() }),
      simulator: simulator.pid,
      system: system.pid,
      reference: reference.pid,
      bare: bare.pid,
    },
    async stopMails() {
      await mails.stop();
    },
    startMails() {
      if (mails.exitStatus() !== undefined) mails = startMails();
    },
    countStatements: () => fetchStatementCount(db),
    countOpenOrders: () => countOrders(db, 'confirmed'),
    countUndecidedOrders: () => countOrders(db, 'placed'),
    async stop() {
      await db.close();
      for (const child of children.toReversed()) await child.stop(10_000);
      await temporal.kill();
      await mariadb?.kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function fetchStatementCount(db: Database): Promise<number | null> {
  if (db.dialect !== 'mysql') return null;
  const [row] = await select<{ Value: string }>(db, "SHOW GLOBAL STATUS LIKE 'Questions'");
  return Number(row?.Value);
}

async function countOrders(db: Database, status: OrderStatus): Promise<number> {
  const [row] = await select<{ n: number }>(db, 'SELECT COUNT(*) AS n FROM orders WHERE status = :status', {
    status,
  });
  return Number(row?.n);
}
