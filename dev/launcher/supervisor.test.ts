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

/** Stopped processes wait for their parent to take their exit status; they are as good as gone. */
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

test('a part that ends before it is ready shows how it ended and the end of its log', async () => {
  const child = shell('engine', 'echo first; echo "no oil" >&2; exit 3');

  await expect(waitUntilReady(child, never, DEADLINE_MS)).rejects.toThrow(
    /^engine exited with exit code 3\. [\s\S]*first\n {2}no oil$/,
  );
});

test('a part that never gets ready is named with the time it had', async () => {
  const child = shell('engine', 'echo warming up; exec sleep 60');
  await waitUntilReady(child, printed(child, 'warming up'), DEADLINE_MS);

  await expect(waitUntilReady(child, never, 50)).rejects.toThrow(/^engine was not ready after 0\.05 s\./);
});

test('a part that is stopped gets to end in its own way', async () => {
  const child = shell('engine', 'trap "echo parked; exit 0" TERM; echo up; while :; do sleep 0.05; done');
  await waitUntilReady(child, printed(child, 'up'), DEADLINE_MS);

  expect(await child.stop(DEADLINE_MS)).toEqual({ code: 0, signal: null });
  expect(readFileSync(child.logFile, 'utf8')).toContain('parked');
});

test('a part that does not stop in time is killed, with what it has started', async () => {
  const child = shell('engine', 'trap "" TERM; sleep 60 & echo "helper $!"; wait; sleep 60');
  await waitUntilReady(child, printed(child, 'helper'), DEADLINE_MS);
  const helper = Number(/helper (\d+)/.exec(readFileSync(child.logFile, 'utf8'))?.[1]);

  expect(await child.stop(100)).toEqual({ code: null, signal: 'SIGKILL' });
  expect(describeExit(child)).toContain('engine was killed by SIGKILL');
  expect(await eventually(() => !isRunning(helper))).toBe(true);
});

test('a part runs in a process group of its own, where a Ctrl-C does not reach it', async () => {
  const child = shell('engine', 'exec sleep 60');

  // "pid (name) state ppid pgrp …"
  const [, group] = /\) \S \d+ (\d+)/.exec(readFileSync(`/proc/${child.pid}/stat`, 'utf8')) ?? [];
  expect(Number(group)).toBe(child.pid);
});

test('a command that is not there is named', () => {
  expect(() =>
    startChild({ name: 'engine', command: join(dir, 'missing'), args: [], logFile: join(dir, 'log') }),
  ).toThrow(/^engine cannot be started: .*missing/);
});

test('parts die with their supervisor, even when it is killed with -9', async () => {
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
