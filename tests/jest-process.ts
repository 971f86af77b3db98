import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { guardProcessGroup, releaseProcessGroup } from '../dev/launcher/watchdog';

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

/** The fields of jest's report (--json) that are totalled here. */
interface JestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  /** Suites that could not run at all: their tests are not counted. */
  numRuntimeErrorTestSuites: number;
  /** Also false when something other than a test failed, for instance a teardown. */
  success: boolean;
}

const ROOT = resolve(__dirname, '..');
const EXIT_GRACE_MS = 10_000;

let jest: ChildProcess | undefined;

/** Runs the projects with the additional arguments. */
export async function runJest(projects: readonly string[], args: readonly string[]): Promise<Totals> {
  const dir = mkdtempSync(join(tmpdir(), 'orders-report-'));
  const reportFile = join(dir, 'report.json');
  try {
    const exitCode = await new Promise<number | null>((settle, reject) => {
      const command = [require.resolve('jest/bin/jest'), '--ci', '--passWithNoTests', '--json'];
      const options = [`--outputFile=${reportFile}`, '--selectProjects', ...projects, ...args];
      jest = spawn(process.execPath, [...command, ...options], {
        cwd: ROOT,
        stdio: ['ignore', 'inherit', 'inherit'],
        detached: true,
      });
      const { pid } = jest;
      if (pid !== undefined) guardProcessGroup(pid);
      const exitTimer = killAfterReport(jest, reportFile);
      jest.once('error', reject);
      jest.once('exit', (code) => {
        clearInterval(exitTimer);
        if (pid !== undefined) releaseProcessGroup(pid);
        settle(code);
      });
    });
    return toTotals(readReport(reportFile), exitCode);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Kills jest at once; its servers die with its process group. */
export const killJest = (): unknown => jest?.kill('SIGKILL');

/**
 * A failing test may leave a worker open, and jest then never exits. The report is written after the teardown, so the
 * result stands when jest is killed some time later.
 */
function killAfterReport(child: ChildProcess, reportFile: string): NodeJS.Timeout {
  let reportedMs: number | undefined;
  return setInterval(() => {
    if (reportedMs === undefined && existsSync(reportFile)) reportedMs = performance.now();
    if (reportedMs === undefined || performance.now() - reportedMs < EXIT_GRACE_MS) return;
    process.stdout.write('\nA test left a handle open (see above): killing jest.\n');
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
  // A null exit code means jest was killed after its report.
  const succeeded = exitCode === null ? report?.success === true : exitCode === 0;
  const failed = report ? report.numFailedTests + report.numRuntimeErrorTestSuites : 0;
  return {
    passed: report?.numPassedTests ?? 0,
    // Jest can fail without a failed test: a setup that throws, a crash.
    failed: succeeded ? failed : Math.max(failed, 1),
    skipped: report ? report.numPendingTests + report.numTodoTests : 0,
  };
}
