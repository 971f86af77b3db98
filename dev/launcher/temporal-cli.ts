import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { assertPortsFree, type PortRequirement } from './ports';
import { type Child, startChild, waitUntilReady } from './supervisor';
import { buildCli, CLI_VERSION, downloadCli, type ProgressListener } from './temporal-cli-sources';

export interface FindCliOptions {
  /** Folders to search, in the format of PATH. */
  path: string;
  /** Folders that may contain a copy; a new copy is stored in the first writable one. */
  cacheDirs: string[];
  progress: ProgressListener;
  /** URL of the builds; default: Temporal's official archive. */
  archiveUrl?: string;
}

const VERSION_TIMEOUT_MS = 15_000;

const execute = promisify(execFile);

/**
 * Finds the `temporal` command, which contains the development server: on PATH, in a cache, by the official download, or
 * built from source when Go is installed.
 * @throws Error of one sentence with what to install.
 */
export async function findTemporalCli(search: FindCliOptions): Promise<string> {
  const cachedDirs = search.cacheDirs.map((dir) => join(dir, CLI_VERSION));
  for (const dir of [...search.path.split(delimiter).filter(Boolean), ...cachedDirs]) {
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
    'The Temporal CLI was not found and could not be downloaded: install it on PATH ' +
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

/** Obtains the binary in a draft folder and renames it into the cache atomically, because other runs search there. */
async function installToCache(cacheDirs: string[], obtain: (dir: string) => Promise<void>): Promise<string> {
  const { cacheDir, draft } = createDraftDir(cacheDirs);
  try {
    await obtain(draft);
    if (!(await isTemporalCli(join(draft, 'temporal'))))
      throw new Error('The downloaded Temporal CLI does not run on this machine.');
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
      // Not writable: try the next one.
    }
  }
  throw new Error(`No cache folder for the Temporal CLI is writable (${cacheDirs.join(', ')}).`);
}

export interface DevServerOptions {
  /** See `findTemporalCli`. */
  cli: string;
  port: number;
  /** Default: no Web UI. */
  uiPort?: number;
  /** Default: in memory. */
  dbFile?: string;
  namespace: string;
  /** Name → type (`Keyword`, `Int`, …). Ignored for an existing file. */
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
 * By default the development server polls 20 times a second for each step of a workflow, in four partitions, and syncs
 * its file at each write. These settings reduce four activities from 450 ms to 40 ms; the file survives a kill, but not
 * a power failure.
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
 * Starts Temporal's development server and waits until it is healthy.
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

/** The ports of the server and the variables that change them. */
export const listDevServerPorts = (port: number, uiPort?: number): PortRequirement[] => [
  { port, variable: 'TEMPORAL_PORT', purpose: 'Temporal' },
  ...(uiPort === undefined
    ? []
    : [{ port: uiPort, variable: 'TEMPORAL_UI_PORT', purpose: 'the Temporal Web UI' }]),
];

/** Uses the CLI (60 ms), because loading the SDK's client takes ten times as long. */
async function isTemporalHealthy(cli: string, address: string): Promise<boolean> {
  try {
    const health = ['operator', 'cluster', 'health', '--address', address];
    const { stdout } = await execute(cli, health, { timeout: HEALTH_TIMEOUT_MS });
    return stdout.includes('SERVING');
  } catch {
    return false;
  }
}
