import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { exitWithParent, guardProcessGroup, releaseProcessGroup } from './launcher/watchdog';

const ROOT = resolve(__dirname, '..');

/** Run concurrently; the output of a check is printed when it fails. */
const CHECKS: [name: string, command: string[]][] = [
  ['types', ['tsc', '--noEmit']],
  ['lint and format', ['biome', 'check', '--colors=off', '.']],
  ['unit tests', ['jest', '--ci', '--selectProjects', 'unit', '--maxWorkers=2']],
];

function runCheck(name: string, [program, ...args]: string[]): Promise<boolean> {
  const startedMs = performance.now();
  return new Promise((settle) => {
    const child = spawn(resolve(ROOT, 'node_modules', '.bin', program!), args, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const { pid } = child;
    if (pid !== undefined) guardProcessGroup(pid);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const finish = (passed: boolean, outcome: string) => {
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      process.stdout.write(`${passed ? '' : `${output}\n`}${name}: ${outcome} (${seconds} s)\n`);
      settle(passed);
    };
    child.once('error', (error) => finish(false, `could not run: ${error.message}`));
    child.once('close', (code) => {
      if (pid !== undefined) releaseProcessGroup(pid);
      finish(code === 0, code === 0 ? 'ok' : 'FAILED');
    });
  });
}

exitWithParent();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
Promise.all(CHECKS.map(([name, command]) => runCheck(name, command))).then(
  (passed) => process.exit(passed.every(Boolean) ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`${String(error)}\n`);
    process.exit(1);
  },
);
