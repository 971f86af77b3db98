import { execFile } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { runToEnd } from './supervise';

export interface CliSearch {
  /** Folders to look in, as in PATH. */
  path: string;
  /** Folders that may hold a copy already; a new one goes into the first that can be written to. */
  cacheDirs: string[];
  progress: (text: string) => void;
  /** Where the official builds are; `undefined` asks nobody. */
  archiveUrl?: string | undefined;
}

/** The one the tests run on. Later releases cannot be built with `go install`: their go.mod has a `replace`. */
const VERSION = 'v1.5.1';
const OFFICIAL_ARCHIVE = `https://temporal.download/cli/archive/${VERSION}`;
const GO_MODULE = `github.com/temporalio/cli/cmd/temporal@${VERSION}`;
const VERSION_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 15_000;
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;
const TICK_MS = 15_000;
const ARCHITECTURES: Partial<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

const execute = promisify(execFile);

/**
 * The `temporal` command, of which the development server is a part: from PATH, from a cache, from the official
 * download or, where Go is installed, built from source.
 * @throws Error of one sentence that says what to install.
 */
export async function findTemporalCli(search: CliSearch): Promise<string> {
  const inCache = search.cacheDirs.map((dir) => join(dir, VERSION));
  for (const dir of [...search.path.split(delimiter).filter(Boolean), ...inCache]) {
    const cli = join(dir, 'temporal');
    if (await answersVersion(cli)) return cli;
  }
  const reasons: string[] = [];
  for (const obtain of [download, buildWithGo]) {
    try {
      return await intoCache(search, (dir) => obtain(dir, search));
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

async function answersVersion(command: string): Promise<boolean> {
  try {
    const { stdout } = await execute(command, ['--version'], { timeout: VERSION_TIMEOUT_MS });
    return /^temporal version/m.test(stdout);
  } catch {
    return false;
  }
}

/** Lets `obtain` put the binary into a folder of its own and moves it in place whole: others may be looking. */
async function intoCache(search: CliSearch, obtain: (dir: string) => Promise<void>): Promise<string> {
  const { cacheDir, draft } = draftFolder(search.cacheDirs);
  try {
    await obtain(draft);
    if (!(await answersVersion(join(draft, 'temporal'))))
      throw new Error('The Temporal CLI fetched does not run here.');
    const home = join(cacheDir, VERSION);
    mkdirSync(home, { recursive: true });
    renameSync(join(draft, 'temporal'), join(home, 'temporal'));
    return join(home, 'temporal');
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

function draftFolder(cacheDirs: string[]): { cacheDir: string; draft: string } {
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

async function download(dir: string, search: CliSearch): Promise<void> {
  const base = 'archiveUrl' in search ? search.archiveUrl : OFFICIAL_ARCHIVE;
  const arch = ARCHITECTURES[process.arch];
  if (!base || !arch) throw new Error(`There is no download of the Temporal CLI for ${process.arch}.`);
  search.progress(`downloading the Temporal CLI ${VERSION} …`);
  const archive = join(dir, 'temporal.tar.gz');
  try {
    await fetchTo(archive, `${base}?platform=${process.platform}&arch=${arch}`, search.progress);
    await execute('tar', ['-xzf', archive, '-C', dir, 'temporal']);
  } catch (error) {
    const { cause, message } = error as Error;
    const reason = cause instanceof Error ? cause.message : message;
    throw new Error(`The Temporal CLI could not be downloaded (${reason}).`);
  }
}

async function fetchTo(file: string, url: string, progress: (text: string) => void): Promise<void> {
  const abort = new AbortController();
  const limit = (ms: number) =>
    setTimeout(() => abort.abort(new Error(`no answer within ${ms / 1000} s`)), ms);
  let timer = limit(CONNECT_TIMEOUT_MS);
  try {
    const response = await fetch(url, { signal: abort.signal });
    clearTimeout(timer);
    if (!response.ok || !response.body) throw new Error(`HTTP status ${response.status}`);
    timer = limit(DOWNLOAD_TIMEOUT_MS);
    const totalBytes = Number(response.headers.get('content-length'));
    await pipeline(Readable.fromWeb(response.body), counter(totalBytes, progress), createWriteStream(file));
  } finally {
    clearTimeout(timer);
  }
}

function counter(totalBytes: number, progress: (text: string) => void): Transform {
  const megabytes = (bytes: number) => Math.round(bytes / 1e6);
  let bytes = 0;
  let saidMs = performance.now();
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (performance.now() - saidMs > TICK_MS / 5) {
        saidMs = performance.now();
        progress(`${megabytes(bytes)}${totalBytes ? ` of ${megabytes(totalBytes)}` : ''} MB`);
      }
      done(null, chunk);
    },
  });
}

async function buildWithGo(dir: string, { path, progress }: CliSearch): Promise<void> {
  const go = await findGo(path);
  if (!go) throw new Error('Go is not installed, so the Temporal CLI cannot be built either.');
  progress(`building the Temporal CLI ${VERSION} with Go (about 3 minutes the first time) …`);
  const startedMs = performance.now();
  const ticker = setInterval(() => {
    progress(`still building, ${Math.round((performance.now() - startedMs) / 1000)} s …`);
  }, TICK_MS);
  try {
    await runToEnd({
      name: 'go install',
      // GOBIN through `env`, so that the build keeps the rest of the environment.
      command: 'env',
      args: [`GOBIN=${dir}`, go, 'install', GO_MODULE],
      cwd: dir,
      logFile: join(dir, 'go.log'),
    });
  } finally {
    clearInterval(ticker);
  }
}

async function findGo(path: string): Promise<string | undefined> {
  for (const dir of [...path.split(delimiter).filter(Boolean), '/usr/local/go/bin']) {
    const go = join(dir, 'go');
    const found = await execute(go, ['version'], { timeout: VERSION_TIMEOUT_MS }).then(
      () => true,
      () => false,
    );
    if (found) return go;
  }
  return undefined;
}
