import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { guardProcessGroup, releaseProcessGroup } from './watchdog';

export interface ChildSpec {
  /** What people call it: `Temporal`, `payment simulator`. */
  name: string;
  command: string;
  args: string[];
  /** The whole environment; left out: that of this process. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Takes what the child prints. The log of the run before is kept beside it as `<name>.previous.log`. */
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
  /** How it ended; undefined while it runs. */
  exitStatus(): ExitStatus | undefined;
  /** SIGTERM, and SIGKILL to its whole group after `graceMs`. */
  stop(graceMs?: number): Promise<ExitStatus>;
  /** SIGKILL to its whole group. */
  kill(): Promise<ExitStatus>;
}

const STOP_GRACE_MS = 10_000;
const POLL_MS = 40;
const PROBE_TIMEOUT_MS = 2_000;
const LOG_TAIL_LINES = 20;
const ROOT = resolve(__dirname, '../..');

/**
 * MiB that the objects of each thread of a process may take. V8 lets garbage lie in proportion to this bound, which is 4 GiB
 * on a machine that has them: a process with two threads then holds half as much again (docs/performance.md).
 */
export const HEAP_FLAG = '--max-old-space-size=1024';

/** A TypeScript file of this project as a command. */
export function buildScriptCommand(file: string, ...args: string[]): Pick<ChildSpec, 'command' | 'args'> {
  const tsx = pathToFileURL(require.resolve('tsx')).href;
  return { command: process.execPath, args: [HEAP_FLAG, '--import', tsx, resolve(ROOT, file), ...args] };
}

/** A compiled file as a command, as production runs it. */
export const buildCompiledCommand = (
  file: string,
  ...args: string[]
): Pick<ChildSpec, 'command' | 'args'> => ({
  command: process.execPath,
  args: ['--enable-source-maps', HEAP_FLAG, file, ...args],
});

/**
 * Starts a process that dies with this one, even with `kill -9` (see watchdog.ts). It leads a process group of its own:
 * a Ctrl-C in the terminal does not reach it, so that it can be stopped in its turn. It writes straight to its log file:
 * nothing is lost, and nothing breaks, when this process dies first.
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
    throw new Error(`${name} cannot be started: ${command} is not there or may not be run.`);
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
    // The first run has none before it.
  }
  return openSync(logFile, 'a');
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself in this moment.
  }
}

/**
 * Waits until the probe says yes.
 * @throws Error with the end of the child's log when it ends before, or is not ready in time.
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

/** Whether a GET of the URL is answered with a 2xx. */
export async function isUrlReachable(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** Whether something accepts connections on the port of this machine. */
export function isPortOpen(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect({ port, host, timeout: PROBE_TIMEOUT_MS });
    const end = (answer: boolean) => {
      socket.destroy();
      settle(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

/** Runs a command to its end. @throws Error with the end of its log unless it ends with 0. */
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

const readLog = ({ logFile }: Child): string[] => readFileSync(logFile, 'utf8').trimEnd().split('\n');

function readLogTail(child: Child): string {
  const lines = readLog(child).slice(-LOG_TAIL_LINES);
  if (lines.every((line) => line === '')) return `It printed nothing (${child.logFile}).`;
  return `The end of its log (${child.logFile}):\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
