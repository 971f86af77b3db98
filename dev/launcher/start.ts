import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  childEnvironment,
  type Environment,
  inheritedEnvironment,
  loadStartConfig,
  type StartConfig,
  toolLocations,
} from '../../config/start';
import { assertWritable, auditKey, lockDataDir } from './data-dir';
import { DEMO_ACCOUNTS, demoPassword } from './demo-accounts';
import { assertPortsFree, type WantedPort } from './ports';
import { Steps } from './steps';
import {
  type Child,
  describeEnd,
  nodeScript,
  portAnswers,
  runToEnd,
  startChild,
  untilReady,
  urlAnswers,
} from './supervise';
import { devServerPorts, findTemporalCli, startDevServer } from './temporal-cli';
import { dieWithParent } from './watchdog';

const LOCAL = '127.0.0.1';
const HELPER_TIMEOUT_MS = 20_000;
/** The first start compiles the workflows. */
const SYSTEM_TIMEOUT_MS = 90_000;
const SYSTEM_GRACE_MS = 30_000;
const OWN_SERVER_TIMEOUT_MS = 10_000;

const steps = new Steps(process.stdout);
/** In the order they were started; they are stopped in the opposite one. */
const running: Child[] = [];
let stopping = false;
let tellOfDeath: (child: Child) => void;
/** Settles when a part that should run until we stop it ends by itself, also while others are still starting. */
const partDies = new Promise<Child>((resolve) => {
  tellOfDeath = resolve;
});

/** Brings everything up. @throws Error whose message is for people. */
async function up(config: StartConfig): Promise<undefined> {
  await steps.run(
    'Data directory',
    async () => {
      assertWritable(config.dataDir);
      await lockDataDir(config.dataDir);
    },
    () => config.dataDir,
  );
  await steps.run(
    'Ports',
    () => assertPortsFree(wantedPorts(config)),
    () => 'free',
  );
  const key = config.auditKey ?? auditKey(config.dataDir);
  const env = inheritedEnvironment(childEnvironment(config, key));

  await startTemporal(config);
  await startHelpers(config, env);
  await steps.run('Database', () =>
    runToEnd({
      name: 'migrations',
      ...nodeScript('cli/migrate.ts', 'up', '--seed'),
      env,
      logFile: logFile(config, 'migrate'),
    }),
  );
  if (config.isDemo) {
    await steps.run('Demo accounts', () =>
      runToEnd({
        name: 'demo accounts',
        ...nodeScript('dev/launcher/make-demo-accounts.ts'),
        env,
        logFile: logFile(config, 'demo-accounts'),
      }),
    );
  }
  await steps.run(
    'Orders system',
    async () => {
      const system = own({
        name: 'orders system',
        ...nodeScript('dev/launcher/system.ts'),
        env,
        logFile: logFile(config, 'system'),
      });
      await untilReady(system, () => urlAnswers(`${apiUrl(config)}/readyz`), SYSTEM_TIMEOUT_MS);
    },
    () => 'ready',
  );
  return undefined;
}

function wantedPorts({ host, port, temporal, simulator, mailCatcher }: StartConfig): WantedPort[] {
  return [
    { port, variable: 'PORT', use: 'the API', host },
    ...(temporal.server ? [] : devServerPorts(temporal.port, temporal.uiPort)),
    ...(simulator
      ? [{ port: simulator.port, variable: 'SIMULATOR_PORT', use: 'the payment simulator' }]
      : []),
    ...(mailCatcher
      ? [
          { port: mailCatcher.smtpPort, variable: 'MAIL_SMTP_PORT', use: 'the mail catcher' },
          { port: mailCatcher.uiPort, variable: 'MAIL_UI_PORT', use: "the mail catcher's page" },
        ]
      : []),
  ];
}

async function startTemporal(config: StartConfig): Promise<void> {
  const { server, namespace, port, uiPort } = config.temporal;
  if (server) {
    await steps.run(
      'Temporal',
      () => untilServerAnswers(server),
      () => `using the server at ${server}`,
    );
    return;
  }
  const cli = await steps.run(
    'Temporal CLI',
    (say) => findTemporalCli({ ...toolLocations(), progress: say }),
    (path) => path,
  );
  await steps.run(
    'Temporal',
    async () => {
      const dbFile = join(config.dataDir, 'temporal.db');
      const devServer = await startDevServer({
        ...{ cli, port, uiPort, dbFile, namespace },
        logFile: logFile(config, 'temporal'),
      });
      watch(devServer.child);
    },
    () => `ready on port ${port}`,
  );
}

async function untilServerAnswers(address: string): Promise<void> {
  const { hostname, port } = new URL(`tcp://${address}`);
  const deadlineMs = performance.now() + OWN_SERVER_TIMEOUT_MS;
  while (!(await portAnswers(Number(port || 7233), hostname.replace(/^\[|\]$/g, '')))) {
    if (performance.now() > deadlineMs) {
      throw new Error(
        `No Temporal server answers at ${address}: start it, or leave TEMPORAL_ADDRESS unset to have one started.`,
      );
    }
    await delay(200);
  }
}

async function startHelpers(config: StartConfig, env: Environment): Promise<void> {
  const { simulator, mailCatcher } = config;
  const helper = (label: string, script: string, log: string, port: number) =>
    steps.run(
      label,
      () => {
        const name = label.toLowerCase();
        const child = own({ name, ...nodeScript(script), env, logFile: logFile(config, log) });
        return untilReady(child, () => urlAnswers(`http://${LOCAL}:${port}/healthz`), HELPER_TIMEOUT_MS);
      },
      () => `ready on port ${port}`,
    );
  if (simulator)
    await helper('Payment simulator', 'dev/payment-simulator/main.ts', 'simulator', simulator.port);
  if (mailCatcher) await helper('Mail catcher', 'dev/mail-catcher/main.ts', 'mail', mailCatcher.uiPort);
}

const logFile = (config: StartConfig, name: string): string => join(config.dataDir, 'logs', `${name}.log`);

function own(spec: Parameters<typeof startChild>[0]): Child {
  if (stopping) throw new Error('stopping');
  return watch(startChild(spec));
}

function watch(child: Child): Child {
  running.push(child);
  void child.exited.then(() => tellOfDeath(child));
  return child;
}

async function down(): Promise<void> {
  stopping = true;
  steps.abandon();
  for (const child of running.toReversed()) {
    if (child.exit()) continue;
    await steps.run(
      `Stopping ${child.name}`,
      () => child.stop(SYSTEM_GRACE_MS),
      ({ signal }) => (signal === 'SIGKILL' ? 'killed, it took too long' : 'stopped'),
    );
  }
}

/** Settles when a signal asks us to stop; the second one ends everything at once (see watchdog.ts). */
function toldToStop(): Promise<'stop'> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (stopping) process.exit(130);
        stopping = true;
        resolve('stop');
      });
    }
  });
}

const apiUrl = ({ host, port }: StartConfig): string => {
  const everywhere = ['0.0.0.0', '::'].includes(host);
  const name = everywhere ? LOCAL : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
};

function welcome(config: StartConfig): string {
  const { temporal, simulator, mailCatcher } = config;
  const api = apiUrl(config);
  const uiUrl = temporal.uiUrl ?? (temporal.server ? undefined : `http://${LOCAL}:${temporal.uiPort}`);
  const pages: [string, string | undefined][] = [
    ['API', `${api}/api`],
    ['API reference', `${api}/docs`],
    ['Temporal Web UI', uiUrl && `${uiUrl}/namespaces/${temporal.namespace}/workflows`],
    ['Mails sent', mailCatcher && `http://${LOCAL}:${mailCatcher.uiPort}`],
    ['Payments made', simulator && `http://${LOCAL}:${simulator.port}/_simulator/books`],
    ['Logs', join(config.dataDir, 'logs')],
  ];
  const lines = pages.flatMap(([name, where]) => (where ? [`  ${name.padEnd(16)} ${where}`] : []));
  return `\nReady.\n${lines.join('\n')}\n${demoAccounts(config)}\nPlace an order:\n\n${exampleOrder(api)}\n\nCtrl-C stops everything; the data stays.\n`;
}

function demoAccounts({ isDemo, dataDir }: StartConfig): string {
  if (!isDemo) return '';
  const emails = DEMO_ACCOUNTS.map(({ role, email }) => `  ${role.padEnd(16)} ${email}`).join('\n');
  return `\nDemo accounts, all with the password ${demoPassword(auditKey(dataDir))}\n${emails}\n`;
}

function exampleOrder(api: string): string {
  const order = `{"items": [{"sku": "walnut-desk", "quantity": 1}],
  "customer": {"email": "ada@example.com", "name": "Ada Byron"},
  "shippingAddress": {"name": "Ada Byron", "line1": "1 Main St", "city": "Berlin", "postalCode": "10115", "country": "DE"},
  "payment": {"method": "pm_card_visa"}}`;
  return `curl -i ${api}/api/orders -H 'Content-Type: application/json' -H 'Idempotency-Key: ${randomUUID()}' -d '${order}'`;
}

async function main(): Promise<number> {
  dieWithParent();
  const config = loadStartConfig();
  const stopRequest = toldToStop();
  let failure: string | undefined;
  try {
    let end = await Promise.race([up(config), stopRequest, partDies]);
    if (end === undefined) {
      process.stdout.write(welcome(config));
      end = await Promise.race([stopRequest, partDies]);
    }
    if (end !== 'stop') failure = describeEnd(end);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  steps.say(failure ? `\n${failure}\n` : '');
  await down();
  return failure ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
