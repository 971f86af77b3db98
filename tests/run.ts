import { getToolLocations, isCi } from '../config/start';
import { findTemporalCli } from '../dev/launcher/temporal-cli';
import { exitWithParent } from '../dev/launcher/watchdog';
import { findChromium } from './harness/servers/chromium';
import { findMariaDb } from './harness/servers/mariadb';
import { killJest, runJest, type Totals } from './jest-process';
import { selectTests, type TestSelection } from './select-tests';

const PROJECTS_WITHOUT_SERVERS = ['unit', 'replay', 'deploy'];
const PROJECTS_WITH_SERVERS = ['database', 'workflow', 'verification', 'system', 'processes'];
/** Run alone, because each of its tests starts many processes. */
const SERIAL_PROJECTS = ['crash'];
/** Two workers also on two cores: a suite with servers waits half of its time. */
const PARALLEL_OPTION = '--maxWorkers=2';

const USAGE = `npm test                          runs all suites
npm test -- config/price-rules    runs the test files whose path contains the text
npm test -- "waits for the"       runs the tests whose title contains the text
npm test -- crash "waits for"     runs the tests with this title in these files
Arguments that start with "-" are passed to jest: --verbose, --testTimeout=60000.`;

const print = (text: string) => process.stdout.write(`${text}\n`);

/** Describes the suites that cannot run on this machine. */
async function findUnavailableSuites(
  projects: readonly string[],
): Promise<{ hasTemporal: boolean; reasons: string[] }> {
  const serverProjects = projects.filter((project) => !PROJECTS_WITHOUT_SERVERS.includes(project));
  if (serverProjects.length === 0) return { hasTemporal: false, reasons: [] };
  const reasons: string[] = [];
  const hasTemporal = await findTemporalCli({ ...getToolLocations(), progress: print }).then(
    () => true,
    (error: Error) => {
      reasons.push(`${serverProjects.join(', ')} suites — ${error.message}`);
      return false;
    },
  );
  if (!findMariaDb()) {
    reasons.push('MySQL suites — no MariaDB found: apt-get install mariadb-server-core mariadb-client-core');
  }
  if (!findChromium()) reasons.push('browser tests — no Chromium found: apt-get install chromium');
  return { hasTemporal, reasons };
}

/** Runs the projects that this machine supports, in up to three runs of jest. */
async function runProjects(projects: readonly string[], args: readonly string[]): Promise<number> {
  const unavailable = await findUnavailableSuites(projects);
  const warn = () => {
    for (const reason of unavailable.reasons) print(`\nLEFT OUT: ${reason}`);
  };
  warn();
  const totals: Totals[] = [];
  for (const [group, option] of [
    [PROJECTS_WITHOUT_SERVERS, PARALLEL_OPTION],
    [PROJECTS_WITH_SERVERS, PARALLEL_OPTION],
    [SERIAL_PROJECTS, '--runInBand'],
  ] as const) {
    const selected = group.filter((project) => projects.includes(project));
    const isAvailable = group === PROJECTS_WITHOUT_SERVERS || unavailable.hasTemporal;
    if (selected.length > 0 && isAvailable) totals.push(await runJest(selected, [option, ...args]));
  }
  warn();

  const sum = (count: keyof Totals) => totals.reduce((total, run) => total + run[count], 0);
  const passed = sum('passed');
  const skipped = sum('skipped');
  let failed = sum('failed');
  if (unavailable.reasons.length > 0 && isCi()) {
    print('CI is set: suites left out count as failed.');
    failed += unavailable.reasons.length;
  }
  if (passed + failed === 0) {
    print('No test was run.');
    failed = 1;
  }
  print(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
  return failed > 0 ? 1 : 0;
}

function printSelection({ files, titlePattern }: TestSelection, args: readonly string[]): void {
  const title = titlePattern === undefined ? '' : ', tests by title';
  print(
    `Selected ${files.length} test ${files.length === 1 ? 'file' : 'files'} for "${args.join(' ')}"${title}:`,
  );
  for (const { project, path } of files) print(`  ${project.padEnd(14)}${path}`);
  print('');
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    print(USAGE);
    return 0;
  }
  const { patterns, options } = splitArguments(args);
  if (patterns.length === 0) {
    return runProjects([...PROJECTS_WITHOUT_SERVERS, ...PROJECTS_WITH_SERVERS, ...SERIAL_PROJECTS], options);
  }
  const selection = selectTests(patterns);
  if (selection.files.length === 0) {
    print(`No test file path and no test title matches "${patterns.join(' ')}".\n\n${USAGE}`);
    print('0 passed, 1 failed');
    return 1;
  }
  printSelection(selection, patterns);
  const { files, titlePattern } = selection;
  return runProjects(
    [...new Set(files.map(({ project }) => project))],
    [
      ...options,
      ...(titlePattern === undefined ? [] : ['-t', titlePattern]),
      '--runTestsByPath',
      ...files.map(({ path }) => path),
    ],
  );
}

/** Separates jest options from the paths and titles to select by; `-t title` is the same as the title alone. */
function splitArguments(args: readonly string[]): { patterns: string[]; options: string[] } {
  const remaining = args.filter((arg) => arg !== '-t' && arg !== '--testNamePattern');
  return {
    patterns: remaining.filter((arg) => !arg.startsWith('-')),
    options: remaining.filter((arg) => arg.startsWith('-')),
  };
}

exitWithParent();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    killJest();
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
