import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { guardProcessGroup, releaseProcessGroup } from './watchdog';

export interface ChildSpec {
  /** For messages: `Temporal`, `payment simulator`. */
  name: string;
  command: string;
  args: string[];
  /** The complete environment; default: that of this process. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Receives the output. The log of the previous run is renamed to `<name>.previous.log`. */
  logFile: string;
}

export interface ExitStatus {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  readonly exited: Promise<ExitStatus>;
  /** Undefined while it runs. */
  exitStatus(): ExitStatus | undefined;
  /** Sends SIGTERM, and SIGKILL to its process group after `graceMs`. */
  stop(graceMs?: number): Promise<ExitStatus>;
  /** Sends SIGKILL to its process group. */
  kill(): Promise<ExitStatus>;
}

const STOP_GRACE_MS = 10_000;
const POLL_MS = 40;
const PROBE_TIMEOUT_MS = 2_000;
const LOG_TAIL_LINES = 20;
const ROOT = resolve(__dirname, '../..');

/**
 * Heap limit per thread in MiB. V8 retains garbage in proportion to the limit, by default up to 4 GiB: a process with two
 * threads then uses half as much memory again (docs/performance.md).
 */
export const HEAP_FLAG = '--max-old-space-size=1024';

/** The command that runs a TypeScript file of this project. */
export function buildScriptCommand(file: string, ...args: string[]): Pick<ChildSpec, 'command' | 'args'> {
  const tsx = pathToFileURL(require.resolve('tsx')).href;
  return { command: process.execPath, args: [HEAP_FLAG, '--import', tsx, resolve(ROOT, file), ...args] };
}

/** The command that runs a compiled file, as production does. */
export const buildCompiledCommand = (
  file: string,
  ...args: string[]
): Pick<ChildSpec, 'command' | 'args'> => ({
  command: process.execPath,
  args: ['--enable-source-maps', HEAP_FLAG, file, ...args],
});

/**
 * Starts a process that dies with this one, even on SIGKILL (see watchdog.ts). It leads a separate process group, out of
 * reach of Ctrl-C, and writes directly to its log file, independently of this process.
 * @throws Error when the command cannot be run.
 */
export function startChild({ name, command, args, env, cwd, logFile }: ChildSpec): Child {
  const log = openLog(logFile);
  const options = { detached: true, ...(env && { env }), ...(cwd && { cwd }) };
  const child = spawn(command, args, { ...options, stdio: ['ignore', log, log] });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) {
    child.on('error', () => undefined);
    throw new Error(`${name} cannot be started: ${command} does not exist or is not executable.`);
  }
  guardProcessGroup(pid);

  let exit: ExitStatus | undefined;
  const exited = new Promise<ExitStatus>((settle) => {
    child.once('exit', (code, signal) => {
      releaseProcessGroup(pid);
      exit = { code, signal };
      settle(exit);
    });
  });
  const kill = (): Promise<ExitStatus> => {
    if (!exit) killGroup(pid);
    return exited;
  };
  const stop = async (graceMs = STOP_GRACE_MS): Promise<ExitStatus> => {
    if (exit) return exit;
    child.kill('SIGTERM');
    const timer = setTimeout(kill, graceMs);
    await exited;
    clearTimeout(timer);
    return exited;
  };
  return { name, pid, logFile, exited, exitStatus: () => exit, stop, kill };
}

function openLog(logFile: string): number {
  mkdirSync(dirname(logFile), { recursive: true });
  try {
    renameSync(logFile, logFile.replace(/(\.log)?$/, '.previous.log'));
  } catch {
    // The first run has no previous log.
  }
  return openSync(logFile, 'a');
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just exited.
  }
}

/**
 * Waits until the probe returns true.
 * @throws Error with the end of the child's log when it exits first, or is not ready in time.
 */
export async function waitUntilReady(
  child: Child,
  probe: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    if (child.exitStatus()) throw new Error(describeExit(child));
    if (await probe()) return;
    if (performance.now() > deadlineMs) {
      throw new Error(`${child.name} was not ready after ${timeoutMs / 1000} s. ${readLogTail(child)}`);
    }
    await Promise.race([delay(POLL_MS), child.exited]);
  }
}

/** Whether a GET of the URL returns a 2xx status. */
export async function isUrlReachable(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** Whether the port accepts connections. */
export function isPortOpen(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect({ port, host, timeout: PROBE_TIMEOUT_MS });
    const finish = (isOpen: boolean) => {
      socket.destroy();
      settle(isOpen);
    };
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
    socket.once('timeout', () => finish(false));
  });
}

/** Runs a command to completion. @throws Error with the end of its log unless the exit code is 0. */
export async function runToCompletion(spec: ChildSpec): Promise<void> {
  const child = startChild(spec);
  const { code } = await child.exited;
  if (code !== 0) throw new Error(describeExit(child));
}

/** "payment simulator exited with exit code 1. The end of its log …" */
export function describeExit(child: Child): string {
  const exit = child.exitStatus();
  const how = exit?.signal ? `was killed by ${exit.signal}` : `exited with exit code ${exit?.code}`;
  return `${child.name} ${how}. ${readLogTail(child)}`;
}

function readLogTail({ logFile }: Child): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').flatMap(formatLogLine);
  const tail = lines.slice(-LOG_TAIL_LINES);
  if (tail.every((line) => line === '')) return `It printed nothing (${logFile}).`;
  return `The end of its log (${logFile}):\n${tail.map((line) => `  ${line}`).join('\n')}`;
}

/** The message of a JSON log line, and its error, without the fields of the process; other lines unchanged. */
function formatLogLine(line: string): string[] {
  try {
    const { level, msg, err } = JSON.parse(line) as { level: number; msg: string; err?: { stack?: string } };
    const label = level >= 50 ? 'error' : level >= 40 ? 'warning' : 'info';
    return `${label}: ${msg}${err?.stack === undefined ? '' : `\n${err.stack}`}`.split('\n');
  } catch {
    return [line];
  }
}
