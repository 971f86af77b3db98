import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { assertPortsFree, type WantedPort } from './ports';
import { type Child, startChild, untilReady } from './supervise';

export interface DevServerOptions {
  /** See temporal-cli.ts. */
  cli: string;
  port: number;
  /** Of the Web UI; left out: none. */
  uiPort?: number;
  /** Keeps everything in this file; left out: in memory. */
  dbFile?: string;
  namespace: string;
  /** Name → type (`Keyword`, `Int`, …). A file that exists keeps those it has. */
  searchAttributes?: Record<string, string>;
  logFile: string;
}

export interface DevServer {
  address: string;
  uiUrl: string | undefined;
  child: Child;
  pid: number;
  exited: Child['exited'];
  stop: Child['stop'];
  kill: Child['kill'];
}

const HOST = '127.0.0.1';
const READY_TIMEOUT_MS = 60_000;
const HEALTH_TIMEOUT_MS = 5_000;

/**
 * The development server polls 20 times a second for each step of a workflow, in four partitions, and syncs its file at
 * each write, unless it is told otherwise: 450 ms for four activities become 40 ms. The file survives a kill at any
 * time, not a power cut.
 */
const FAST = [
  ...['journal_mode=wal', 'synchronous=normal'].flatMap((pragma) => ['--sqlite-pragma', pragma]),
  ...[
    'matching.numTaskqueueReadPartitions=1',
    'matching.numTaskqueueWritePartitions=1',
    'history.transferProcessorMaxPollRPS=2000',
    'history.timerProcessorMaxPollRPS=2000',
    'history.visibilityProcessorMaxPollRPS=2000',
    'system.enableActivityEagerExecution=true',
  ].flatMap((setting) => ['--dynamic-config-value', setting]),
];

/**
 * Starts Temporal's development server and waits until it answers.
 * @throws Error naming the busy ports, or with the end of the server's log.
 */
export async function startDevServer(options: DevServerOptions): Promise<DevServer> {
  const { cli, port, uiPort, dbFile, namespace, searchAttributes = {}, logFile } = options;
  await assertPortsFree(devServerPorts(port, uiPort));
  if (dbFile) mkdirSync(dirname(dbFile), { recursive: true });
  const child = startChild({
    name: 'Temporal',
    command: cli,
    args: [
      ...['server', 'start-dev', '--ip', HOST, '--port', String(port), '--namespace', namespace],
      ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
      ...(dbFile ? ['--db-filename', dbFile] : []),
      ...Object.entries(searchAttributes).flatMap(([name, type]) => [
        '--search-attribute',
        `${name}=${type}`,
      ]),
      ...FAST,
    ],
    logFile,
  });
  const address = `${HOST}:${port}`;
  try {
    await untilReady(child, () => temporalAnswers(cli, address), READY_TIMEOUT_MS);
  } catch (error) {
    await child.kill();
    throw error;
  }
  const uiUrl = uiPort === undefined ? undefined : `http://${HOST}:${uiPort}`;
  const { pid, exited, stop, kill } = child;
  return { address, uiUrl, child, pid, exited, stop, kill };
}

/** What the server listens on, and which variables change it. */
export const devServerPorts = (port: number, uiPort?: number): WantedPort[] => [
  { port, variable: 'TEMPORAL_PORT', use: 'Temporal' },
  ...(uiPort === undefined
    ? []
    : [{ port: uiPort, variable: 'TEMPORAL_UI_PORT', use: 'the Temporal Web UI' }]),
];

const execute = promisify(execFile);

/** Asks by the CLI (60 ms): loading the SDK's client for it takes ten times as long. */
async function temporalAnswers(cli: string, address: string): Promise<boolean> {
  try {
    const health = ['operator', 'cluster', 'health', '--address', address];
    const { stdout } = await execute(cli, health, { timeout: HEALTH_TIMEOUT_MS });
    return stdout.includes('SERVING');
  } catch {
    return false;
  }
}
