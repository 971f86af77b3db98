import { join, resolve } from 'node:path';
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
import { assertPortsFree, type PortRequirement } from './ports';
import { ProgressReporter } from './progress-reporter';
import { runReloading } from './reloading-system';
import { watchSources } from './source-watcher';
import {
  buildScriptCommand,
  type Child,
  type ChildSpec,
  describeExit,
  isPortOpen,
  isUrlReachable,
  runToCompletion,
  startChild,
  waitUntilReady,
} from './supervisor';
import { findTemporalCli, listDevServerPorts, startDevServer } from './temporal-cli';
import { exitWithParent } from './watchdog';
import { formatWelcome, getApiUrl } from './welcome';

const LOCAL = '127.0.0.1';
const DEV_SERVICE_TIMEOUT_MS = 20_000;
/** Includes bundling the workflows. */
const SYSTEM_TIMEOUT_MS = 90_000;
const SYSTEM_GRACE_MS = 30_000;
const EXTERNAL_TEMPORAL_TIMEOUT_MS = 10_000;
/** Folders whose code runs in the API or the workers; the other processes do not depend on them. */
const WATCHED_DIRS = [
  ...['activities', 'api', 'config', 'db', 'domain', 'integrations', 'runtime', 'services', 'workers'],
  'workflows',
];

const reporter = new ProgressReporter(process.stdout);
/** In start order; they are stopped in reverse. */
const runningChildren: Child[] = [];
let stopping = false;
let reportUnexpectedExit: (child: Child) => void;
/** Resolves when a process that should run until the end exits, also while others are still starting. */
const unexpectedExit = new Promise<Child>((resolve) => {
  reportUnexpectedExit = resolve;
});

/** Starts everything except the system itself. @returns the environment of the system. */
async function startEnvironment(config: StartConfig): Promise<Environment> {
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

  await Promise.all([
    startTemporal(config),
    ...startDevServices(config, env),
    reporter.run('Database', () => prepareDatabase(config, env)),
  ]);
  return env;
}

const prepareDatabase = (config: StartConfig, env: Environment): Promise<void> =>
  runToCompletion({
    name: 'database',
    ...buildScriptCommand('dev/launcher/prepare-database.ts'),
    env,
    logFile: getLogFile(config, 'database'),
  });

/** Starts the system and runs it until it exits. */
async function runSystem(config: StartConfig, env: Environment): Promise<Child> {
  const child = await reporter.run(
    'Orders system',
    async () => {
      const system = watchChild(startSystem(config, env));
      await waitForSystem(config, system);
      return system;
    },
    () => 'ready',
  );
  process.stdout.write(formatWelcome(config));
  await child.exited;
  return child;
}

/** Runs the system with a restart after every change of its code. */
async function runSystemReloading(config: StartConfig, env: Environment): Promise<void> {
  const sources = watchSources(resolve(__dirname, '../..'), WATCHED_DIRS);
  await runReloading(
    {
      prepare: async (files) => {
        if (files.some((file) => file.startsWith('db/'))) await prepareDatabase(config, env);
      },
      start: () => startSystem(config, env),
      waitUntilReady: (child) => waitForSystem(config, child),
      isStopping: () => stopping,
      sources,
      reporter,
    },
    () => {
      process.stdout.write(formatWelcome(config));
      reporter.print('A change of the code restarts API and workers.');
    },
  );
}

const waitForSystem = (config: StartConfig, child: Child): Promise<void> =>
  waitUntilReady(child, () => isUrlReachable(`${getApiUrl(config)}/readyz`), SYSTEM_TIMEOUT_MS);

const startSystem = (config: StartConfig, env: Environment): Child =>
  startStoppableChild({
    name: 'orders system',
    ...buildScriptCommand('dev/launcher/system.ts'),
    env,
    logFile: getLogFile(config, 'system'),
  });

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
    (printDetail) => findTemporalCli({ ...getToolLocations(), progress: printDetail }),
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
      runningChildren.push(watchChild(devServer.child));
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
        `No Temporal server is reachable at ${address}: start it, or unset TEMPORAL_ADDRESS to start one here.`,
      );
    }
    await delay(200);
  }
}

function startDevServices(config: StartConfig, env: Environment): Promise<void>[] {
  const { simulator, mailCatcher } = config;
  const startService = (label: string, script: string, log: string, port: number) =>
    reporter.run(
      label,
      () => {
        const name = label.toLowerCase();
        const spec = { name, ...buildScriptCommand(script), env, logFile: getLogFile(config, log) };
        const child = watchChild(startStoppableChild(spec));
        return waitUntilReady(
          child,
          () => isUrlReachable(`http://${LOCAL}:${port}/healthz`),
          DEV_SERVICE_TIMEOUT_MS,
        );
      },
      () => `ready on port ${port}`,
    );
  return [
    ...(simulator
      ? [startService('Payment simulator', 'dev/payment-simulator/main.ts', 'simulator', simulator.port)]
      : []),
    ...(mailCatcher
      ? [startService('Mail catcher', 'dev/mail-catcher/main.ts', 'mail', mailCatcher.uiPort)]
      : []),
  ];
}

const getLogFile = (config: StartConfig, name: string): string => join(config.dataDir, 'logs', `${name}.log`);

/** @throws Error when everything is being stopped. */
function startStoppableChild(spec: ChildSpec): Child {
  if (stopping) throw new Error('stopping');
  const child = startChild(spec);
  runningChildren.push(child);
  return child;
}

/** Ends the run when the process exits. */
function watchChild(child: Child): Child {
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
      ({ signal }) => (signal === 'SIGKILL' ? `killed after ${SYSTEM_GRACE_MS / 1_000} s` : 'stopped'),
    );
  }
}

/** Resolves at the first stop signal; the second one kills everything at once (see watchdog.ts). */
function waitForStopSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        if (stopping) process.exit(130);
        stopping = true;
        resolve(undefined);
      });
    }
  });
}

async function main(args: readonly string[]): Promise<number> {
  exitWithParent();
  const config = loadStartConfig();
  const stopRequest = waitForStopSignal();
  const run = async (): Promise<Child | undefined> => {
    const env = await startEnvironment(config);
    if (!args.includes('--watch')) return runSystem(config, env);
    await runSystemReloading(config, env);
    return undefined;
  };
  let failure: string | undefined;
  try {
    const exited = await Promise.race([run(), stopRequest, unexpectedExit]);
    if (exited !== undefined) failure = describeExit(exited);
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  }
  reporter.print(failure ? `\n${failure}\n` : '');
  await stopAll();
  return failure ? 1 : 0;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
