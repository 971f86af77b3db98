import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inheritedEnvironment, toolLocations } from '../config/start';
import { connect, type Database } from '../db/core/connect';
import { migrator } from '../db/core/migrate';
import { seed } from '../db/core/seed';
import { execute, select } from '../db/core/sql';
import { freePort } from '../dev/launcher/ports';
import { type Child, compiledScript, startChild, untilReady, urlAnswers } from '../dev/launcher/supervise';
import { findTemporalCli, startDevServer } from '../dev/launcher/temporal-cli';
import type { OrderStatus } from '../domain/orders/order';
import { machineToken } from '../tests/harness/servers/machine';
import { createDatabase, findMariaDb, startMariaDb } from '../tests/harness/servers/mariadb';

export type Dialect = 'sqlite' | 'mysql';

export interface Servers {
  temporalAddress: string;
  referenceQueue: string;
  databaseUrl: string;
  apiUrl: string;
  /** Of a machine that may do everything. */
  headers: Record<string, string>;
  /** Of bare Express; with the system's own middleware, too, below `/same`. */
  bareUrl: string;
  /** Process ids by name. */
  pids: Readonly<Record<string, number>>;
  /** Statements that the database has been sent since it was started; null where it does not count them. */
  statements(): Promise<number | null>;
  openOrders(): Promise<number>;
  undecidedOrders(): Promise<number>;
  stop(): Promise<void>;
}

const READY_MS = 90_000;
const STOCK = 10_000_000;

/** The databases this machine has. */
export const dialects = (): Dialect[] => (findMariaDb() ? ['sqlite', 'mysql'] : ['sqlite']);

/**
 * Everything on ports of its own, with files of its own: Temporal, database, simulator, system, references.
 * @param dist the compiled code: what is measured is what runs in production.
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
      ...compiledScript(join(dist, script), ...args),
      env: inheritedEnvironment(env),
      logFile: log(name),
    });
    children.push(child);
    return child;
  };

  const cli = await findTemporalCli({
    ...toolLocations(),
    progress: (text) => process.stderr.write(`${text}\n`),
  });
  const temporal = await startDevServer({
    cli,
    port: await freePort(),
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
  await migrator(db).up();
  await seed(db, Date.now());
  await db.write((tx) => execute(db, 'UPDATE stock SET on_hand = :units', { units: STOCK }, tx));

  const environment = {
    DATA_DIR: dir,
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: temporal.address,
    STRIPE_API_KEY: 'sk_test_bench',
    // Nobody listens: mails wait in their delivery workflows and cost what they cost while a mail server is away.
    SMTP_URL: 'smtp://127.0.0.1:1',
    AUDIT_KEY: 'ab'.repeat(32),
    // Never reached, but counted.
    RATE_LIMIT_ADDRESS: '1000000',
    RATE_LIMIT_PRINCIPAL: '1000000',
    RATE_LIMIT_PLACEMENT: '1000000',
  };
  const token = await machineToken(environment, databaseUrl);
  const [port, simulatorPort, barePort] = [await freePort(), await freePort(), await freePort()];
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
  const referenceQueue = 'reference';
  const reference = start('reference', ['bench/reference-worker.js', temporal.address, referenceQueue]);
  const bare = start('bare', ['bench/bare-express.js', String(barePort)], environment);

  const apiUrl = `http://127.0.0.1:${port}`;
  const bareUrl = `http://127.0.0.1:${barePort}`;
  await Promise.all([
    untilReady(simulator, () => urlAnswers(`http://127.0.0.1:${simulatorPort}/healthz`), READY_MS),
    untilReady(system, () => urlAnswers(`${apiUrl}/readyz`), READY_MS),
    untilReady(bare, () => urlAnswers(`${bareUrl}/healthz`), READY_MS),
  ]);

  return {
    temporalAddress: temporal.address,
    referenceQueue,
    databaseUrl,
    apiUrl,
    headers: { authorization: `Bearer ${token}` },
    bareUrl,
    pids: {
      temporal: temporal.pid,
      ...(mariadb === undefined ? {} : { database: mariadb.pid() }),
      simulator: simulator.pid,
      system: system.pid,
      reference: reference.pid,
      bare: bare.pid,
    },
    statements: () => statementsSent(db),
    openOrders: () => ordersThatAre(db, 'confirmed'),
    undecidedOrders: () => ordersThatAre(db, 'placed'),
    async stop() {
      await db.close();
      for (const child of children.toReversed()) await child.stop(10_000);
      await temporal.kill();
      await mariadb?.kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function statementsSent(db: Database): Promise<number | null> {
  if (db.dialect !== 'mysql') return null;
  const [row] = await select<{ Value: string }>(db, "SHOW GLOBAL STATUS LIKE 'Questions'");
  return Number(row?.Value);
}

async function ordersThatAre(db: Database, status: OrderStatus): Promise<number> {
  const [row] = await select<{ n: number }>(db, 'SELECT COUNT(*) AS n FROM orders WHERE status = :status', {
    status,
  });
  return Number(row?.n);
}
