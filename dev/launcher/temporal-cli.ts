import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { assertPortsFree, type PortRequirement } from './ports';
import { type Child, startChild, waitUntilReady } from './supervisor';
import { buildCli, CLI_VERSION, downloadCli, type ProgressListener } from './temporal-cli-sources';

export interface FindCliOptions {
  /** Folders to look in, as in PATH. */
  path: string;
  /** Folders that may hold a copy already; a new one goes into the first that can be written to. */
  cacheDirs: string[];
  progress: ProgressListener;
  /** Where the builds are; default: Temporal's own. */
  archiveUrl?: string;
}

const VERSION_TIMEOUT_MS = 15_000;

const execute = promisify(execFile);

/**
 * The `temporal` command, of which the development server is a part: from PATH, from a cache, from the official
 * download or, where Go is installed, built from source.
 * @throws Error of one sentence that says what to install.
 */
export async function findTemporalCli(search: FindCliOptions): Promise<string> {
  const inCache = search.cacheDirs.map((dir) => join(dir, CLI_VERSION));
  for (const dir of [...search.path.split(delimiter).filter(Boolean), ...inCache]) {
    const cli = join(dir, 'temporal');
    if (await isTemporalCli(cli)) return cli;
  }
  const reasons: string[] = [];
  for (const obtain of [
    (dir: string) => downloadCli(dir, search.progress, search.archiveUrl),
    (dir: string) => buildCli(dir, search.progress, search.path),
  ]) {
    try {
      return await installToCache(search.cacheDirs, obtain);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      search.progress(reason);
      reasons.push(reason);
    }
  }
  throw new Error(
    'The Temporal CLI was not found and could not be fetched: install it so that `temporal` is on PATH ' +
      '(https://docs.temporal.io/cli), or set TEMPORAL_ADDRESS to a running Temporal server.',
    { cause: reasons },
  );
}

async function isTemporalCli(command: string): Promise<boolean> {
  try {
    const { stdout } = await execute(command, ['--version'], { timeout: VERSION_TIMEOUT_MS });
    return /^temporal version/m.test(stdout);
  } catch {
    return false;
  }
}

/** Lets `obtain` put the binary into a folder of its own and moves it in place whole: others may be looking. */
async function installToCache(cacheDirs: string[], obtain: (dir: string) => Promise<void>): Promise<string> {
  const { cacheDir, draft } = createDraftDir(cacheDirs);
  try {
    await obtain(draft);
    if (!(await isTemporalCli(join(draft, 'temporal'))))
      throw new Error('The Temporal CLI fetched does not run here.');
    const home = join(cacheDir, CLI_VERSION);
    mkdirSync(home, { recursive: true });
    renameSync(join(draft, 'temporal'), join(home, 'temporal'));
    return join(home, 'temporal');
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function createDraftDir(cacheDirs: string[]): { cacheDir: string; draft: string } {
  for (const cacheDir of cacheDirs) {
    try {
      mkdirSync(cacheDir, { recursive: true });
      return { cacheDir, draft: mkdtempSync(join(cacheDir, 'new-')) };
    } catch {
      // A home that is read-only: the next one.
    }
  }
  throw new Error(`No folder to keep the Temporal CLI in can be written to (${cacheDirs.join(', ')}).`);
}

export interface DevServerOptions {
  /** See `findTemporalCli`. */
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
const LOW_LATENCY_FLAGS = [
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
  await assertPortsFree(listDevServerPorts(port, uiPort));
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
      ...LOW_LATENCY_FLAGS,
    ],
    logFile,
  });
  const address = `${HOST}:${port}`;
  try {
    await waitUntilReady(child, () => isTemporalHealthy(cli, address), READY_TIMEOUT_MS);
  } catch (error) {
    await child.kill();
    throw error;
  }
  const uiUrl = uiPort === undefined ? undefined : `http://${HOST}:${uiPort}`;
  const { pid, exited, stop, kill } = child;
  return { address, uiUrl, child, pid, exited, stop, kill };
}

/** What the server listens on, and which variables change it. */
export const listDevServerPorts = (port: number, uiPort?: number): PortRequirement[] => [
  { port, variable: 'TEMPORAL_PORT', purpose: 'Temporal' },
  ...(uiPort === undefined
    ? []
    : [{ port: uiPort, variable: 'TEMPORAL_UI_PORT', purpose: 'the Temporal Web UI' }]),
];

/** Asks by the CLI (60 ms): loading the SDK's client for it takes ten times as long. */
async function isTemporalHealthy(cli: string, address: string): Promise<boolean> {
  try {
    const health = ['operator', 'cluster', 'health', '--address', address];
    const { stdout } = await execute(cli, health, { timeout: HEALTH_TIMEOUT_MS });
    return stdout.includes('SERVING');
  } catch {
    return false;
  }
}
