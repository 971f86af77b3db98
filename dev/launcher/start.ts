import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { loadOrCreateAuditKey } from '../../config/audit-key';
import {
  buildChildEnvironment,
  type Environment,
  getToolLocations,
  inheritEnvironment,
  loadStartConfig,
  type StartConfig,
} from '../../config/start';
import { assertWritable, lockDataDir } from './data-dir';
import { DEVELOPMENT_ACCOUNTS, deriveDevelopmentPassword } from './development-accounts';
import { assertPortsFree, type PortRequirement } from './ports';
import { ProgressReporter } from './progress-reporter';
import {
  buildScriptCommand,
  type Child,
  describeExit,
  isPortOpen,
  isUrlReachable,
  runToCompletion,
  startChild,
  waitUntilReady,
} from './supervisor';
import { findTemporalCli, listDevServerPorts, startDevServer } from './temporal-cli';
import { exitWithParent } from './watchdog';

const LOCAL = '127.0.0.1';
const DEV_SERVICE_TIMEOUT_MS = 20_000;
/** The first start compiles the workflows. */
const SYSTEM_TIMEOUT_MS = 90_000;
const SYSTEM_GRACE_MS = 30_000;
const EXTERNAL_TEMPORAL_TIMEOUT_MS = 10_000;

const reporter = new ProgressReporter(process.stdout);
/** In the order they were started; they are stopped in the opposite one. */
const runningChildren: Child[] = [];
let stopping = false;
let reportUnexpectedExit: (child: Child) => void;
/** Settles when a part that should run until we stop it ends by itself, also while others are still starting. */
const unexpectedExit = new Promise<Child>((resolve) => {
  reportUnexpectedExit = resolve;
});

/** Brings everything up. @throws Error whose message is for people. */
async function startAll(config: StartConfig): Promise<undefined> {
  await reporter.run(
    'Data directory',
    async () => {
      assertWritable(config.dataDir);
      await lockDataDir(config.dataDir);
    },
    () => config.dataDir,
  );
  await reporter.run(
    'Ports',
    () => assertPortsFree(listRequiredPorts(config)),
    () => 'free',
  );
  const key = config.auditKey ?? loadOrCreateAuditKey(config.dataDir);
  const env = inheritEnvironment(buildChildEnvironment(config, key));

  await startTemporal(config);
  await startDevServices(config, env);
  await reporter.run('Database', () =>
    runToCompletion({
      name: 'migrations',
      ...buildScriptCommand('cli/migrate.ts', 'up', '--seed'),
      env,
      logFile: getLogFile(config, 'migrate'),
    }),
  );
  if (config.hasDevelopmentAccounts) {
    await reporter.run('Development accounts', () =>
      runToCompletion({
        name: 'development accounts',
        ...buildScriptCommand('dev/launcher/create-development-accounts.ts'),
        env,
        logFile: getLogFile(config, 'development-accounts'),
      }),
    );
  }
  await reporter.run(
    'Orders system',
    async () => {
      const system = startWatchedChild({
        name: 'orders system',
        ...buildScriptCommand('dev/launcher/system.ts'),
        env,
        logFile: getLogFile(config, 'system'),
      });
      await waitUntilReady(system, () => isUrlReachable(`${getApiUrl(config)}/readyz`), SYSTEM_TIMEOUT_MS);
    },
    () => 'ready',
  );
  return undefined;
}

function listRequiredPorts({ host, port, temporal, simulator, mailCatcher }: StartConfig): PortRequirement[] {
  return [
    { port, variable: 'PORT', purpose: 'the API', host },
    ...(temporal.externalAddress ? [] : listDevServerPorts(temporal.port, temporal.uiPort)),
    ...(simulator
      ? [{ port: simulator.port, variable: 'SIMULATOR_PORT', purpose: 'the payment simulator' }]
      : []),
    ...(mailCatcher
      ? [
          { port: mailCatcher.smtpPort, variable: 'MAIL_SMTP_PORT', purpose: 'the mail catcher' },
          { port: mailCatcher.uiPort, variable: 'MAIL_UI_PORT', purpose: "the mail catcher's page" },
        ]
      : []),
  ];
}

async function startTemporal(config: StartConfig): Promise<void> {
  const { externalAddress, namespace, port, uiPort } = config.temporal;
  if (externalAddress) {
    await reporter.run(
      'Temporal',
      () => waitForTemporal(externalAddress),
      () => `using the server at ${externalAddress}`,
    );
    return;
  }
  const cli = await reporter.run(
    'Temporal CLI',
    (say) => findTemporalCli({ ...getToolLocations(), progress: say }),
    (path) => path,
  );
  await reporter.run(
    'Temporal',
    async () => {
      const dbFile = join(config.dataDir, 'temporal.db');
      const devServer = await startDevServer({
        ...{ cli, port, uiPort, dbFile, namespace },
        logFile: getLogFile(config, 'temporal'),
      });
      watchChild(devServer.child);
    },
    () => `ready on port ${port}`,
  );
}

async function waitForTemporal(address: string): Promise<void> {
  const { hostname, port } = new URL(`tcp://${address}`);
  const deadlineMs = performance.now() + EXTERNAL_TEMPORAL_TIMEOUT_MS;
  while (!(await isPortOpen(Number(port || 7233), hostname.replace(/^\[|\]$/g, '')))) {
    if (performance.now() > deadlineMs) {
      throw new Error(
        `No Temporal server answers at ${address}: start it, or leave TEMPORAL_ADDRESS unset to have one started.`,
      );
    }
    await delay(200);
  }
}

async function startDevServices(config: StartConfig, env: Environment): Promise<void> {
  const { simulator, mailCatcher } = config;
  const helper = (label: string, script: string, log: string, port: number) =>
    reporter.run(
      label,
      () => {
        const name = label.toLowerCase();
        const child = startWatchedChild({
          name,
          ...buildScriptCommand(script),
          env,
          logFile: getLogFile(config, log),
        });
        return waitUntilReady(
          child,
          () => isUrlReachable(`http://${LOCAL}:${port}/healthz`),
          DEV_SERVICE_TIMEOUT_MS,
        );
      },
      () => `ready on port ${port}`,
    );
  if (simulator)
    await helper('Payment simulator', 'dev/payment-simulator/main.ts', 'simulator', simulator.port);
  if (mailCatcher) await helper('Mail catcher', 'dev/mail-catcher/main.ts', 'mail', mailCatcher.uiPort);
}

const getLogFile = (config: StartConfig, name: string): string => join(config.dataDir, 'logs', `${name}.log`);

function startWatchedChild(spec: Parameters<typeof startChild>[0]): Child {
  if (stopping) throw new Error('stopping');
  return watchChild(startChild(spec));
}

function watchChild(child: Child): Child {
  runningChildren.push(child);
  void child.exited.then(() => reportUnexpectedExit(child));
  return child;
}

async function stopAll(): Promise<void> {
  stopping = true;
  reporter.mute();
  for (const child of runningChildren.toReversed()) {
    if (child.exitStatus()) continue;
    await reporter.run(
      `Stopping ${child.name}`,
      () => child.stop(SYSTEM_GRACE_MS),
      ({ signal }) => (signal === 'SIGKILL' ? 'killed, it took too long' : 'stopped'),
    );
  }
}

/** Settles when a signal asks us to stop; the second one ends everything at once (see watchdog.ts). */
function waitForStopSignal(): Promise<'stop'> {
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

const getApiUrl = ({ host, port }: StartConfig): string => {
  const everywhere = ['0.0.0.0', '::'].includes(host);
  const name = everywhere ? LOCAL : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
};

function formatWelcome(config: StartConfig): string {
  const { temporal, simulator, mailCatcher } = config;
  const api = getApiUrl(config);
  const uiUrl =
    temporal.uiUrl ?? (temporal.externalAddress ? undefined : `http://${LOCAL}:${temporal.uiPort}`);
  const pages: [string, string | undefined][] = [
    ['API', `${api}/api`],
    ['API reference', `${api}/docs`],
    ['Temporal Web UI', uiUrl && `${uiUrl}/namespaces/${temporal.namespace}/workflows`],
    ['Mails sent', mailCatcher && `http://${LOCAL}:${mailCatcher.uiPort}`],
    ['Payments made', simulator && `http://${LOCAL}:${simulator.port}/_simulator/books`],
    ['Logs', join(config.dataDir, 'logs')],
  ];
  const lines = pages.flatMap(([name, where]) => (where ? [`  ${name.padEnd(16)} ${where}`] : []));
  return `\nReady.\n${lines.join('\n')}\n${formatDevelopmentAccounts(config)}\nPlace an order:\n\n${formatExampleOrder(api)}\n\nCtrl-C stops everything; the data stays.\n`;
}

function formatDevelopmentAccounts({ hasDevelopmentAccounts, dataDir }: StartConfig): string {
  if (!hasDevelopmentAccounts) return '';
  const emails = DEVELOPMENT_ACCOUNTS.map(({ role, email }) => `  ${role.padEnd(16)} ${email}`).join('\n');
  return `\nDevelopment accounts, all with the password ${deriveDevelopmentPassword(loadOrCreateAuditKey(dataDir))}\n${emails}\n`;
}

function formatExampleOrder(api: string): string {
  const order = `{"items": [{"sku": "walnut-desk", "quantity": 1}],
  "customer": {"email": "ada@example.com", "name": "Ada Byron"},
  "shippingAddress": {"name": "Ada Byron", "line1": "1 Main St", "city": "Berlin", "postalCode": "10115", "country": "DE"},
  "payment": {"method": "pm_card_visa"}}`;
  return `curl -i ${api}/api/orders -H 'Content-Type: application/json' -H 'Idempotency-Key: ${randomUUID()}' -d '${order}'`;
}

async function main(): Promise<number> {
  exitWithParent();
  const config = loadStartConfig();
  const stopRequest = waitForStopSignal();
  let failure: string | undefined;
  try {
    let end = await Promise.race([startAll(config), stopRequest, unexpectedExit]);
    if (end === undefined) {
      process.stdout.write(formatWelcome(config));
      end = await Promise.race([stopRequest, unexpectedExit]);
    }
    if (end !== 'stop') failure = describeExit(end);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  reporter.print(failure ? `\n${failure}\n` : '');
  await stopAll();
  return failure ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
