import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { getToolLocations, isCi } from '../config/start';
import { findTemporalCli } from '../dev/launcher/temporal-cli';
import { exitWithParent, guardProcessGroup, releaseProcessGroup } from '../dev/launcher/watchdog';
import { findChromium } from './harness/servers/chromium';
import { findMariaDb } from './harness/servers/mariadb';

interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** The parts of jest's report (--json) that are added up here. */
interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  /** Suites that could not be run at all: none of their tests is counted. */
  numRuntimeErrorTestSuites: number;
  /** False also when something other than a test failed, a teardown for instance. */
  success: boolean;
}

const ROOT = resolve(__dirname, '..');
const PROJECTS_WITHOUT_SERVERS = ['unit', 'replay', 'deploy'];
const PROJECTS_WITH_SERVERS = ['database', 'workflow', 'verification', 'system', 'processes'];
/** Alone, as they have a crowd of processes of their own. */
const SERIAL_PROJECTS = ['crash'];
/** A suite waits half of its time. */
const PARALLEL_OPTION = '--maxWorkers=2';

const EXIT_GRACE_MS = 10_000;

const print = (text: string) => process.stdout.write(`${text}\n`);
let jest: ChildProcess | undefined;

/** Runs the projects. `args` go to jest as they are. */
async function runJest(projects: string[], args: string[]): Promise<Totals> {
  const dir = mkdtempSync(join(tmpdir(), 'orders-report-'));
  const reportFile = join(dir, 'report.json');
  try {
    const code = await new Promise<number | null>((settle, reject) => {
      const command = [require.resolve('jest/bin/jest'), '--ci', '--passWithNoTests', '--json'];
      const options = [`--outputFile=${reportFile}`, '--selectProjects', ...projects, ...args];
      jest = spawn(process.execPath, [...command, ...options], {
        cwd: ROOT,
        stdio: ['ignore', 'inherit', 'inherit'],
        detached: true,
      });
      const { pid } = jest;
      if (pid !== undefined) guardProcessGroup(pid);
      const lingering = killAfterReport(jest, reportFile);
      jest.once('error', reject);
      jest.once('exit', (status) => {
        clearInterval(lingering);
        if (pid !== undefined) releaseProcessGroup(pid);
        settle(status);
      });
    });
    return toTotals(readReport(reportFile), code);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * A test that fails may leave a worker open, and jest waits for it for ever. The report is written when all is done,
 * teardown included, so whatever still runs some time later is ended: the result stands.
 */
function killAfterReport(child: ChildProcess, reportFile: string): NodeJS.Timeout {
  let reportedMs: number | undefined;
  return setInterval(() => {
    if (reportedMs === undefined && existsSync(reportFile)) reportedMs = performance.now();
    if (reportedMs === undefined || performance.now() - reportedMs < EXIT_GRACE_MS) return;
    print('\nA test has left something open (see above); ending jest.');
    child.kill('SIGKILL');
    reportedMs = Number.POSITIVE_INFINITY;
  }, 500);
}

function readReport(file: string): JestReport | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as JestReport;
  } catch {
    return undefined;
  }
}

function toTotals(report: JestReport | undefined, exitCode: number | null): Totals {
  // No code: jest was ended after its report.
  const succeeded = exitCode === null ? report?.success === true : exitCode === 0;
  const failed = report ? report.numFailedTests + report.numRuntimeErrorTestSuites : 0;
  return {
    passed: report?.numPassedTests ?? 0,
    // jest can fail without a failed test: a setup that throws, a crash.
    failed: succeeded ? failed : Math.max(failed, 1),
    skipped: report ? report.numPendingTests + report.numTodoTests : 0,
  };
}

/** What this machine cannot run, said loudly. */
async function findUnavailableSuites(): Promise<{ temporal: boolean; sentences: string[] }> {
  const sentences: string[] = [];
  const temporal = await findTemporalCli({ ...getToolLocations(), progress: print }).then(
    () => true,
    (error: Error) => {
      sentences.push(
        `${[...PROJECTS_WITH_SERVERS, ...SERIAL_PROJECTS].join(', ')} suites — ${error.message}`,
      );
      return false;
    },
  );
  if (!findMariaDb()) {
    sentences.push(
      'MySQL suites — no MariaDB found: apt-get install mariadb-server-core mariadb-client-core',
    );
  }
  if (!findChromium()) sentences.push('browser tests — no Chromium found: apt-get install chromium');
  return { temporal, sentences };
}

async function main(args: string[]): Promise<number> {
  const leftOut = await findUnavailableSuites();
  const warn = () => {
    for (const sentence of leftOut.sentences) print(`\nLEFT OUT: ${sentence}`);
  };
  warn();
  const runs = [await runJest(PROJECTS_WITHOUT_SERVERS, [PARALLEL_OPTION, ...args])];
  if (leftOut.temporal) {
    runs.push(await runJest(PROJECTS_WITH_SERVERS, [PARALLEL_OPTION, ...args]));
    runs.push(await runJest(SERIAL_PROJECTS, ['--runInBand', ...args]));
  }
  warn();

  const sum = (count: keyof Totals) => runs.reduce((total, run) => total + run[count], 0);
  const passed = sum('passed');
  const skipped = sum('skipped');
  let failed = sum('failed');
  if (leftOut.sentences.length > 0 && isCi()) {
    print('CI is set: what is left out counts as failed.');
    failed += leftOut.sentences.length;
  }
  if (passed + failed === 0) {
    print('No test was run.');
    failed = 1;
  }
  print(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return failed > 0 ? 1 : 0;
}

exitWithParent();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // jest's own children, the servers, die with it.
  process.on(signal, () => {
    jest?.kill('SIGKILL');
    process.exit(130);
  });
}
main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    print('0 passed, 1 failed');
    process.exit(1);
  },
);
