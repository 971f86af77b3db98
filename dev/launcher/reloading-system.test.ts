import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProgressReporter } from './progress-reporter';
import { runReloading } from './reloading-system';
import { type Child, startChild } from './supervisor';

let dir: string;
let output: string;
let scripts: string[];
let children: Child[];
let prepared: string[];
let stopping: boolean;
let change: (file: string) => void;
let run: Promise<void>;

const READY = 'exec sleep 60';
const BROKEN = 'echo "Unexpected end of file" >&2; exit 1';

const waitForOutput = async (pattern: RegExp): Promise<void> => {
  while (!pattern.test(output)) await new Promise((resolve) => setTimeout(resolve, 10));
};

/** Runs the scripts one after the other, a shell script per start. */
function startReloading(...commands: string[]): void {
  scripts = commands;
  const reporter = new ProgressReporter({ write: (text) => (output += text) });
  run = runReloading(
    {
      prepare: async (files) => void prepared.push(...files),
      start() {
        const command = scripts.shift() ?? READY;
        const logFile = join(dir, `${children.length}.log`);
        children.push(startChild({ name: 'system', command: 'sh', args: ['-c', command], logFile }));
        return children.at(-1)!;
      },
      async waitUntilReady(child) {
        // The process that never gets ready is the one that waits.
        if (child.exitStatus() === undefined) await Promise.race([child.exited, startDelay()]);
        if (child.exitStatus()) throw new Error('system exited: Unexpected end of file');
      },
      sources: {
        nextChanges: () =>
          new Promise((resolve) => {
            change = (file) => resolve([file]);
          }),
      },
      reporter,
      isStopping: () => stopping,
    },
    () => (output += 'WELCOME\n'),
  );
}

let startDelay: () => Promise<void>;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reloading-'));
  output = '';
  children = [];
  prepared = [];
  stopping = false;
  startDelay = () => new Promise((resolve) => setTimeout(resolve, 300));
});
afterEach(async () => {
  stopping = true;
  change('end.ts');
  await Promise.all(children.map((child) => child.kill()));
  await run;
  rmSync(dir, { recursive: true, force: true });
});

test('restarts the system after a change, with one process at a time', async () => {
  startReloading(READY, READY);
  await waitForOutput(/WELCOME/);
  change('api/http/app.ts');
  await waitForOutput(/Restarting \(api\/http\/app\.ts\) … ready/);
  expect(children).toHaveLength(2);
  expect(children[0]?.exitStatus()).toBeDefined();
  expect(children[1]?.exitStatus()).toBeUndefined();
  expect(prepared).toEqual(['api/http/app.ts']);
  expect(output.match(/WELCOME/g)).toHaveLength(1);
});

test('reports a start that fails, and starts again at the next change', async () => {
  startReloading(BROKEN, READY);
  await waitForOutput(/Waiting for a change/);
  expect(output).toMatch(/failed[\s\S]*Unexpected end of file\nWaiting for a change of the code\.\n$/);
  change('api/http/app.ts');
  await waitForOutput(/… ready/);
  expect(output).toContain('WELCOME');
});

test('reports a system that exits later, and starts again at the next change', async () => {
  startReloading('sleep 0.5; echo crashed; exit 3', READY);
  await waitForOutput(/system exited with exit code 3\.[\s\S]*crashed\nWaiting for a change/);
  change('api/http/app.ts');
  await waitForOutput(/Restarting .* ready/);
});

test('a change before the system is ready starts it again at once', async () => {
  startDelay = () => new Promise(() => undefined);
  startReloading(READY, READY);
  await waitForOutput(/Orders system/);
  startDelay = async () => undefined;
  change('workflows/orders/order.ts');
  await waitForOutput(/interrupted by another change[\s\S]*Restarting .* ready/);
});
