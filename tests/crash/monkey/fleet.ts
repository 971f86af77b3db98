import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Client } from '@temporalio/client';
import { ulid } from 'ulid';
import { type Environment, getToolLocations, inheritEnvironment } from '../../../config/start';
import { compile } from '../../../dev/compile';
import { findFreePort } from '../../../dev/launcher/ports';
import {
  buildScriptCommand,
  type ChildSpec,
  isPortOpen,
  isUrlReachable,
  startChild,
} from '../../../dev/launcher/supervisor';
import { findTemporalCli, startDevServer } from '../../../dev/launcher/temporal-cli';
import { createTemporalClient, isTemporalReady } from '../../../integrations/temporal/connect';
import { migrate } from '../../../runtime/migrate';
import { createMachineToken } from '../../harness/servers/machine-token';
import { startMariaDb } from '../../harness/servers/mariadb';
import { SYSTEM_PARTS } from './monkey-plan';
import { RestartingProcess, type RestartingProcessOptions } from './restarting-process';
import type { CrashOptions } from './schedule';

type Command = Pick<ChildSpec, 'command' | 'args'>;

const LOCALHOST = '127.0.0.1';
const NAMESPACE = 'default';
/** A dev server paused during a write may return `interrupted` forever. */
const TEMPORAL_HUNG_MS = 30_000;
const ROOT = resolve(__dirname, '../../..');

/** Every process of a run, on its own port, with its files in `dir`. All exit with this process. */
export class Fleet {
  /** Killable processes by name. */
  readonly parts = new Map<string, RestartingProcess>();
  readonly apiUrls: string[] = [];
  /** URL of the payment simulator; set at its start, as `env` and `temporal` are. */
  simulatorUrl = '';
  /** An API key with every scope. */
  token = '';
  /** Environment of the application processes. */
  env: Environment = {};
  private client: Client | undefined;

  private constructor(
    private readonly dir: string,
    private readonly options: Pick<CrashOptions, 'database' | 'shape'>,
    private readonly log: (text: string) => void,
  ) {}

  /** Starts every process. @param log receives process events. */
  static async start(
    dir: string,
    options: Pick<CrashOptions, 'database' | 'shape'>,
    log: (text: string) => void,
  ): Promise<Fleet> {
    const fleet = new Fleet(dir, options, log);
    try {
      const [temporalAddress, databaseUrl] = await Promise.all([
        fleet.startTemporal(),
        fleet.startDatabase(),
      ]);
      await fleet.startHelpers({
        DATA_DIR: fleet.dir,
        DATABASE_URL: databaseUrl,
        TEMPORAL_ADDRESS: temporalAddress,
        TEMPORAL_NAMESPACE: NAMESPACE,
        TASK_QUEUES: options.shape === 'one' ? 'single' : 'split',
        STRIPE_API_KEY: 'sk_test_crash',
        AUDIT_KEY: 'ab'.repeat(32),
        // Tests send more requests than the limits allow.
        RATE_LIMIT_ADDRESS: '0',
        RATE_LIMIT_PRINCIPAL: '0',
        RATE_LIMIT_PLACEMENT: '0',
        RATE_LIMIT_LOGIN: '0',
        RATE_LIMIT_MAILBOX: '0',
        LOG_LEVEL: 'info',
      });
      fleet.token = await createMachineToken(fleet.env as Record<string, string>, databaseUrl);
      await fleet.startSystem();
      await fleet.waitUntilReady();
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  /** A client with full access. */
  get temporal(): Client {
    if (this.client === undefined) throw new Error('Temporal was not started');
    return this.client;
  }

  getPart(name: string): RestartingProcess {
    const part = this.parts.get(name);
    if (part === undefined) throw new Error(`unknown process ${name}`);
    return part;
  }

  /** Waits until every process is healthy. */
  async waitUntilReady(): Promise<void> {
    await Promise.all([...this.parts.values()].map((part) => part.waitUntilReady()));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.parts.values()].map((part) => part.stop()));
    await this.client?.connection.close();
  }

  private supervise(spec: Omit<RestartingProcessOptions, 'log'>): RestartingProcess {
    const part = new RestartingProcess({ ...spec, log: this.log });
    this.parts.set(spec.name, part);
    return part;
  }

  private superviseScript(name: string, command: Command, env: Environment, probeUrl: string): void {
    this.supervise({
      name,
      launch: (run) =>
        startChild({ name, ...command, env: inheritEnvironment(env), logFile: this.logFile(name, run) }),
      isHealthy: () => isUrlReachable(probeUrl),
    });
  }

  private logFile(name: string, run: number): string {
    return join(this.dir, 'logs', `${name}.${run}.log`);
  }

  private async startTemporal(): Promise<string> {
    const cli = await findTemporalCli({ ...getToolLocations(), progress: this.log });
    const port = await findFreePort();
    const address = `${LOCALHOST}:${port}`;
    const client = createTemporalClient({ address, namespace: NAMESPACE });
    this.client = client;
    const dbFile = join(this.dir, 'temporal.db');
    const temporal = this.supervise({
      name: 'temporal',
      launch: async (run) => {
        const logFile = this.logFile('temporal', run);
        return (await startDevServer({ cli, port, namespace: NAMESPACE, dbFile, logFile })).child;
      },
      isHealthy: () => isTemporalReady(client),
      hungAfterMs: TEMPORAL_HUNG_MS,
    });
    await temporal.waitUntilReady();
    return address;
  }

  private async startDatabase(): Promise<string> {
    const url =
      this.options.database === 'mysql' ? await this.startMariaDb() : `sqlite:${join(this.dir, 'orders.db')}`;
    await migrate({ databaseUrl: url }, ['up', '--seed'], () => undefined);
    return url;
  }

  private async startMariaDb(): Promise<string> {
    const server = await startMariaDb({ dir: join(this.dir, 'mariadb') });
    this.supervise({
      name: 'database',
      launch: async (run) => {
        if (run > 0) await server.restart();
        return server.child();
      },
      isHealthy: () => isPortOpen(server.port),
    });
    return server.createDatabase('orders');
  }

  /** The payment simulator and the mail catcher. */
  private async startHelpers(env: Environment): Promise<void> {
    const [simulator, smtp, mail] = [await findFreePort(), await findFreePort(), await findFreePort()];
    this.simulatorUrl = `http://${LOCALHOST}:${simulator}`;
    this.env = {
      ...env,
      STRIPE_API_URL: this.simulatorUrl,
      SIMULATOR_PORT: String(simulator),
      SMTP_URL: `smtp://${LOCALHOST}:${smtp}`,
      MAIL_SMTP_PORT: String(smtp),
      MAIL_UI_PORT: String(mail),
    };
    const [health, mailHealth] = [`${this.simulatorUrl}/healthz`, `http://${LOCALHOST}:${mail}/healthz`];
    this.superviseScript('simulator', buildScriptCommand('dev/payment-simulator/main.ts'), this.env, health);
    this.superviseScript('mail', buildScriptCommand('dev/mail-catcher/main.ts'), this.env, mailHealth);
  }

  private async startSystem(): Promise<void> {
    const { shape } = this.options;
    const getCommand = shape === 'one' ? systemScript : await this.build();
    for (const name of SYSTEM_PARTS[shape]) {
      const port = await findFreePort();
      const url = `http://${LOCALHOST}:${port}`;
      const hasApi = name === 'system' || name.startsWith('api');
      if (hasApi) this.apiUrls.push(url);
      const env = { ...this.env, [hasApi ? 'PORT' : 'HEALTH_PORT']: String(port) };
      this.superviseScript(name, getCommand(name), env, `${url}/readyz`);
    }
  }

  /** Compiles the application. @returns the production command of a process by its name. */
  private async build(): Promise<(name: string) => Command> {
    // Inside the project: `node_modules` must resolve.
    const dist = join(ROOT, '.cache', `dist-${ulid()}`);
    process.once('exit', () => rmSync(dist, { recursive: true, force: true }));
    await compile(dist);
    return (name) => ({
      command: process.execPath,
      args: [join(dist, ENTRY_POINTS[name.split('-')[0] ?? ''] ?? '')],
    });
  }
}

const systemScript = (): Command => buildScriptCommand('dev/launcher/system.ts');

const ENTRY_POINTS: Record<string, string> = {
  api: 'api/main.js',
  workers: 'workers/main.js',
  sequencer: 'workers/sequencer-main.js',
};
