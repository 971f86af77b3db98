import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import mysql, { type RowDataPacket } from 'mysql2/promise';
import { ulid } from 'ulid';
import { getToolLocations } from '../../config/start';
import { compile } from '../../dev/compile';
import { findFreePort } from '../../dev/launcher/ports';
import {
  type Child,
  type ChildSpec,
  isUrlReachable,
  runToCompletion,
  startChild,
  waitUntilReady,
} from '../../dev/launcher/supervisor';
import { createMailCatcher, type MailCatcher } from '../../dev/mail-catcher/catcher';
import type { BookRow } from '../../dev/payment-simulator/books';
import { type RunningSimulator, startSimulator } from '../../dev/payment-simulator/start';
import { sendRequest } from '../harness/http/http-client';
import { createMachineToken } from '../harness/servers/machine-token';
import { getServerConfig } from '../harness/servers/server-config';

const ROOT = resolve(__dirname, '../..');
/** Contains every character that SQL, shell or URL quoting must handle. */
const MIGRATE_PASSWORD = 'it\'s "\\quoted\\" @/:?';
const APP_PASSWORD = 'app-password';
const READY_TIMEOUT_MS = 30_000;

/** One process of the system and the URL of its health endpoints. */
export class ServedProcess {
  constructor(
    readonly child: Child,
    readonly url: string,
  ) {}

  waitUntilReady(): Promise<void> {
    return waitUntilReady(this.child, () => isUrlReachable(`${this.url}/readyz`), READY_TIMEOUT_MS);
  }

  waitUntilAlive(): Promise<void> {
    return waitUntilReady(this.child, () => isUrlReachable(`${this.url}/healthz`), READY_TIMEOUT_MS);
  }

  async getReadiness(): Promise<{ status: string; missing: string[] }> {
    return (await sendRequest<{ status: string; missing: string[] }>(`${this.url}/readyz`)).body;
  }
}

/**
 * The system as built and run in production: separate processes, split task queues, one MySQL database with the two
 * accounts of deploy/mysql. Simulator and mail catcher run in the test process.
 */
export class ProductionDeployment {
  readonly processes: ServedProcess[] = [];

  private constructor(
    readonly dir: string,
    private readonly dist: string,
    private readonly adminUrl: string,
    private readonly simulator: RunningSimulator,
    readonly mail: MailCatcher,
  ) {}

  static async build(admin: string): Promise<ProductionDeployment> {
    const dir = mkdtempSync(join(tmpdir(), 'production-'));
    // Inside the project, so that packages resolve.
    const dist = join(ROOT, '.cache', `dist-${ulid()}`);
    const [simulator, mail] = await Promise.all([
      startSimulator({ journalFile: join(dir, 'simulator.jsonl') }),
      createMailCatcher({ host: '127.0.0.1', smtpPort: 0, httpPort: 0 }),
      compile(dist),
    ]);
    const production = new ProductionDeployment(dir, dist, admin, simulator, mail);
    await production.queryAsAdmin(renderAccountsSql());
    return production;
  }

  get appDatabaseUrl(): string {
    return this.getDatabaseUrl('orders_app', APP_PASSWORD);
  }

  private getDatabaseUrl(account: string, password: string): string {
    return `mysql://${account}:${encodeURIComponent(password)}@${new URL(this.adminUrl).host}/orders`;
  }

  queryAsAdmin<Row>(sql: string): Promise<Row[]> {
    return runQuery<Row>(this.adminUrl, sql);
  }

  /** The variables of every process. */
  private get environment(): Record<string, string> {
    return {
      DATA_DIR: this.dir,
      DATABASE_URL: this.appDatabaseUrl,
      TEMPORAL_ADDRESS: getServerConfig().temporalAddress,
      TASK_QUEUES: 'split',
      TASK_QUEUE_PREFIX: `${this.dist.slice(-26)}-`,
      STRIPE_API_KEY: 'sk_test_production',
      STRIPE_API_URL: this.simulator.url,
      SMTP_URL: this.mail.smtpUrl,
      AUDIT_KEY: 'ab'.repeat(32),
      // Tests send more requests than the limits allow.
      RATE_LIMIT_ADDRESS: '0',
      RATE_LIMIT_PRINCIPAL: '0',
      RATE_LIMIT_PLACEMENT: '0',
      RATE_LIMIT_LOGIN: '0',
      RATE_LIMIT_MAILBOX: '0',
    };
  }

  /** Returns a token with all permissions; the tables must exist. */
  createMachineToken(): Promise<string> {
    return createMachineToken(this.environment, this.appDatabaseUrl);
  }

  /** Runs the migration job of a deployment. */
  runMigrations(name: string): Promise<void> {
    return runToCompletion({
      ...this.createCommand(name, 'runtime/migrate-main.js', ['up', '--seed']),
      env: {
        DATABASE_URL: this.getDatabaseUrl('orders_migrate', MIGRATE_PASSWORD),
        DATABASE_RUNNING_ACCOUNT: 'orders_app@%',
      },
    });
  }

  async startProcess(
    script: string,
    args: string[] = [],
    env: Record<string, string> = {},
  ): Promise<ServedProcess> {
    const port = await findFreePort();
    const name = `${script.replaceAll('/', '-')}-${this.processes.length}`;
    const child = startChild({
      ...this.createCommand(name, script, args),
      env: {
        ...this.environment,
        [['api/main.js', 'system/main.js'].includes(script) ? 'PORT' : 'HEALTH_PORT']: String(port),
        ...env,
      },
    });
    const served = new ServedProcess(child, `http://127.0.0.1:${port}`);
    this.processes.push(served);
    return served;
  }

  private createCommand(name: string, script: string, args: string[]): ChildSpec {
    return {
      name,
      command: process.execPath,
      args: [join(this.dist, script), ...args],
      logFile: join(this.dir, `${name}.log`),
    };
  }

  /** The payment provider's books. */
  async listIntents(): Promise<BookRow[]> {
    const url = `${this.simulator.url}/_simulator/books/intents?limit=1000`;
    return (await sendRequest<{ data: BookRow[] }>(url)).body.data;
  }

  async close(): Promise<void> {
    await Promise.all(this.processes.map(({ child }) => child.kill()));
    await this.simulator.close();
    await this.mail.close();
    await this.queryAsAdmin('DROP DATABASE orders; DROP USER orders_migrate, orders_app');
    for (const path of [this.dist, this.dir]) rmSync(path, { recursive: true, force: true });
  }
}

/** The SQL that the MySQL container runs on a new data directory. */
export function renderAccountsSql(passwords = { migrate: MIGRATE_PASSWORD, app: APP_PASSWORD }): string {
  const script = `docker_process_sql() { cat; }; . ${join(ROOT, 'deploy/mysql/10-accounts.sh')}`;
  return execFileSync('bash', ['-eo', 'pipefail', '-c', script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: getToolLocations().path,
      MYSQL_MIGRATE_PASSWORD: passwords.migrate,
      MYSQL_APP_PASSWORD: passwords.app,
      ORDERS_ACCOUNTS_SQL: join(ROOT, 'deploy/mysql/accounts.sql'),
    },
  });
}

/** Runs one or more statements. @returns the rows of a single one. */
export async function runQuery<Row>(uri: string, sql: string): Promise<Row[]> {
  const connection = await mysql.createConnection({ uri, multipleStatements: true });
  try {
    const [rows] = await connection.query<RowDataPacket[]>(sql);
    return rows as unknown as Row[];
  } finally {
    await connection.end();
  }
}
