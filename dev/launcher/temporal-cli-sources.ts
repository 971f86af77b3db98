import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { delimiter, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { runToCompletion } from './supervisor';

/** The version the tests use. Later releases cannot be built with `go install`: their go.mod has a `replace`. */
export const CLI_VERSION = 'v1.5.1';
const OFFICIAL_ARCHIVE = `https://temporal.download/cli/archive/${CLI_VERSION}`;
const GO_MODULE = `github.com/temporalio/cli/cmd/temporal@${CLI_VERSION}`;
const GO_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 15_000;
const DOWNLOAD_TIMEOUT_MS = 10 * 60_000;
const PROGRESS_INTERVAL_MS = 15_000;
const ARCHITECTURES: Partial<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

export type ProgressListener = (text: string) => void;

const execute = promisify(execFile);

/** Downloads the official build into `dir`. @throws Error of one sentence. */
export async function downloadCli(
  dir: string,
  progress: ProgressListener,
  archiveUrl = OFFICIAL_ARCHIVE,
): Promise<void> {
  const arch = ARCHITECTURES[process.arch];
  if (!arch) throw new Error(`The Temporal CLI has no download for ${process.arch}.`);
  progress(`downloading the Temporal CLI ${CLI_VERSION} …`);
  const archive = join(dir, 'temporal.tar.gz');
  try {
    await downloadFile(archive, `${archiveUrl}?platform=${process.platform}&arch=${arch}`, progress);
    await execute('tar', ['-xzf', archive, '-C', dir, 'temporal']);
  } catch (error) {
    const { cause, message } = error as Error;
    const reason = cause instanceof Error ? cause.message : message;
    throw new Error(`The Temporal CLI could not be downloaded (${reason}).`);
  }
}

async function downloadFile(file: string, url: string, progress: ProgressListener): Promise<void> {
  const abort = new AbortController();
  const limit = (ms: number) =>
    setTimeout(() => abort.abort(new Error(`no response within ${ms / 1000} s`)), ms);
  let timer = limit(CONNECT_TIMEOUT_MS);
  try {
    const response = await fetch(url, { signal: abort.signal });
    clearTimeout(timer);
    if (!response.ok || !response.body) throw new Error(`HTTP status ${response.status}`);
    timer = limit(DOWNLOAD_TIMEOUT_MS);
    const totalBytes = Number(response.headers.get('content-length'));
    await pipeline(
      Readable.fromWeb(response.body),
      createProgressMeter(totalBytes, progress),
      createWriteStream(file),
    );
  } finally {
    clearTimeout(timer);
  }
}

function createProgressMeter(totalBytes: number, progress: ProgressListener): Transform {
  const megabytes = (bytes: number) => Math.round(bytes / 1e6);
  let bytes = 0;
  let reportedMs = performance.now();
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (performance.now() - reportedMs > PROGRESS_INTERVAL_MS / 5) {
        reportedMs = performance.now();
        progress(`${megabytes(bytes)}${totalBytes ? ` of ${megabytes(totalBytes)}` : ''} MB`);
      }
      done(null, chunk);
    },
  });
}

/** Builds the CLI into `dir` with Go. @throws Error of one sentence, or with the end of Go's output. */
export async function buildCli(dir: string, progress: ProgressListener, path: string): Promise<void> {
  const go = await findGo(path);
  if (!go) throw new Error('Building the Temporal CLI needs Go, which is not installed.');
  progress(`building the Temporal CLI ${CLI_VERSION} with Go (about 3 minutes the first time) …`);
  const startedMs = performance.now();
  const ticker = setInterval(() => {
    progress(`still building, ${Math.round((performance.now() - startedMs) / 1000)} s …`);
  }, PROGRESS_INTERVAL_MS);
  try {
    await runToCompletion({
      name: 'go install',
      // GOBIN is set by `env`, because the build needs the rest of the environment.
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
    const isGo = await execute(go, ['version'], { timeout: GO_TIMEOUT_MS }).then(
      () => true,
      () => false,
    );
    if (isGo) return go;
  }
  return undefined;
}
