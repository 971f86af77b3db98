import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { type Child, describeExit, startChild, waitUntilReady } from './supervisor';

const never = async () => false;
const DEADLINE_MS = 10_000;

let dir: string;
const started: Child[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'supervise-'));
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((child) => child.kill()));
  rmSync(dir, { recursive: true, force: true });
});

function shell(name: string, script: string): Child {
  const child = startChild({ name, command: 'sh', args: ['-c', script], logFile: join(dir, `${name}.log`) });
  started.push(child);
  return child;
}

const printed = (child: Child, text: string) => async () =>
  readFileSync(child.logFile, 'utf8').includes(text);

/** Zombies, whose parent has not read their exit status, count as not running. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function eventually(condition: () => boolean): Promise<boolean> {
  const deadlineMs = performance.now() + DEADLINE_MS;
  while (!condition()) {
    if (performance.now() > deadlineMs) return false;
    await delay(20);
  }
  return true;
}

test('reports the exit status and the end of the log of a child that exits before it is ready', async () => {
  const child = shell('engine', 'echo first; echo "no oil" >&2; exit 3');

  await expect(waitUntilReady(child, never, DEADLINE_MS)).rejects.toThrow(
    /^engine exited with exit code 3\. [\s\S]*first\n {2}no oil$/,
  );
});

test('formats JSON log lines readably at the end of a log', async () => {
  const line = JSON.stringify({
    level: 50,
    time: 1,
    pid: 2,
    msg: 'failed',
    err: { stack: 'Error: x\n  at y' },
  });
  const child = shell('engine', `printf '%s\\n' '${line}'; exit 1`);
  await child.exited;

  expect(describeExit(child)).toMatch(/\n {2}error: failed\n {2}Error: x\n {4}at y$/);
});

test('names a child that is not ready in time, with the timeout', async () => {
  const child = shell('engine', 'echo warming up; exec sleep 60');
  await waitUntilReady(child, printed(child, 'warming up'), DEADLINE_MS);

  await expect(waitUntilReady(child, never, 50)).rejects.toThrow(/^engine was not ready after 0\.05 s\./);
});

test('lets a stopped child handle SIGTERM', async () => {
  const child = shell('engine', 'trap "echo parked; exit 0" TERM; echo up; while :; do sleep 0.05; done');
  await waitUntilReady(child, printed(child, 'up'), DEADLINE_MS);

  expect(await child.stop(DEADLINE_MS)).toEqual({ code: 0, signal: null });
  expect(readFileSync(child.logFile, 'utf8')).toContain('parked');
});

test('kills a child that does not stop in time, with its own children', async () => {
  const child = shell('engine', 'trap "" TERM; sleep 60 & echo "helper $!"; wait; sleep 60');
  await waitUntilReady(child, printed(child, 'helper'), DEADLINE_MS);
  const helper = Number(/helper (\d+)/.exec(readFileSync(child.logFile, 'utf8'))?.[1]);

  expect(await child.stop(100)).toEqual({ code: null, signal: 'SIGKILL' });
  expect(describeExit(child)).toContain('engine was killed by SIGKILL');
  expect(await eventually(() => !isRunning(helper))).toBe(true);
});

test('runs a child in a separate process group, out of reach of Ctrl-C', async () => {
  const child = shell('engine', 'exec sleep 60');

  // "pid (name) state ppid pgrp …"
  const [, group] = /\) \S \d+ (\d+)/.exec(readFileSync(`/proc/${child.pid}/stat`, 'utf8')) ?? [];
  expect(Number(group)).toBe(child.pid);
});

test('names a command that does not exist', () => {
  expect(() =>
    startChild({ name: 'engine', command: join(dir, 'missing'), args: [], logFile: join(dir, 'log') }),
  ).toThrow(/^engine cannot be started: .*missing/);
});

test('kills the children when their supervisor is killed with SIGKILL', async () => {
  const program = join(dir, 'supervisor.ts');
  const pidFile = join(dir, 'pid');
  writeFileSync(
    program,
    `import { writeFileSync } from 'node:fs';
     import { startChild } from ${JSON.stringify(join(__dirname, 'supervisor.ts'))};
     const part = startChild({ name: 'part', command: 'sleep', args: ['60'], logFile: ${JSON.stringify(join(dir, 'part.log'))} });
     writeFileSync(${JSON.stringify(pidFile)}, String(part.pid));
     setInterval(() => undefined, 1000);`,
  );
  const tsx = pathToFileURL(require.resolve('tsx')).href;
  const supervisor: ChildProcess = spawn(process.execPath, ['--import', tsx, program], { stdio: 'ignore' });
  let part: number | undefined;
  try {
    expect(await eventually(() => existsSync(pidFile) && readFileSync(pidFile, 'utf8') !== '')).toBe(true);
    part = Number(readFileSync(pidFile, 'utf8'));
    expect(isRunning(part)).toBe(true);

    supervisor.kill('SIGKILL');

    expect(await eventually(() => !isRunning(part!))).toBe(true);
  } finally {
    supervisor.kill('SIGKILL');
    if (part !== undefined && isRunning(part)) process.kill(part, 'SIGKILL');
  }
});
