// Runs a TypeScript file of this project and installs the packages first when they are missing or outdated:
// `node dev/bootstrap.js dev/launcher/start.ts [args]`. Plain JavaScript without dependencies, because it installs them.

const { spawn } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const ROOT = path.resolve(__dirname, '..');
const MODULES = path.join(ROOT, 'node_modules');
const LOCK_FILE = path.join(ROOT, 'package-lock.json');
/** Records which lock file `node_modules` was installed from. Stored inside, so it is removed with the packages. */
const INSTALLED_FILE = path.join(MODULES, '.package-lock-hash');
const OLDEST_NODE = [20, 19];
const RECOMMENDED_NODE = '22 or 24';
/** One Ctrl-C can arrive twice within this time: from the terminal, and forwarded by npm. */
const DUPLICATE_SIGNAL_MS = 500;
const ANCESTOR_CHECK_MS = 500;

function checkNodeVersion() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  const oldest = OLDEST_NODE.join('.');
  fail(
    `Node ${process.versions.node} is too old: install Node ${RECOMMENDED_NODE} (at least ${oldest}) from https://nodejs.org/.`,
  );
}

/** @returns {never} */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function getModificationMs(file) {
  try {
    return fs.statSync(file).mtimeMs;
  } catch {
    return Number.NEGATIVE_INFINITY;
  }
}

function computeInstallId() {
  const lock = fs.readFileSync(LOCK_FILE);
  // Native packages differ by platform: a folder mounted on another machine or in an image is installed again.
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform} ${process.arch}`;
}

function arePackagesInstalled(installId) {
  try {
    return fs.readFileSync(INSTALLED_FILE, 'utf8') === installId;
  } catch {
    // Installed manually: npm writes its lock file last, so an interrupted install does not count.
    const isComplete =
      getModificationMs(path.join(MODULES, '.package-lock.json')) > getModificationMs(LOCK_FILE);
    if (isComplete) fs.writeFileSync(INSTALLED_FILE, installId);
    return isComplete;
  }
}

async function installPackages(installId) {
  // npm ci would empty the target of the link, which other working copies may use.
  if (fs.lstatSync(MODULES, { throwIfNoEntry: false })?.isSymbolicLink()) {
    fail('node_modules is a link to packages that do not match package-lock.json: remove the link.');
  }
  const startedMs = Date.now();
  const seconds = () => Math.round((Date.now() - startedMs) / 1000);
  process.stdout.write('Installing dependencies (first time: up to a minute) …\n');
  const ticker = process.stdout.isTTY
    ? setInterval(() => process.stdout.write(`\r  ${seconds()} s `), 1000)
    : setInterval(() => process.stdout.write(`  still installing, ${seconds()} s …\n`), 15_000);

  const npm = spawn('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--prefer-offline'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [npm.stdout, npm.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output = (output + text).slice(-20_000);
    });
  }
  const outcome = await new Promise((resolve) => {
    npm.on('error', (error) => resolve(error.message));
    npm.on('close', (code, signal) => resolve(code === 0 ? 'ok' : (signal ?? `exit code ${code}`)));
  });
  clearInterval(ticker);
  if (process.stdout.isTTY) process.stdout.write('\r');
  if (outcome !== 'ok') {
    const tail = output.trimEnd().split('\n').slice(-30).join('\n');
    fail(
      `${tail}\n\nInstalling the dependencies failed ("npm ci": ${outcome}; the end of its output is above).`,
    );
  }
  fs.writeFileSync(INSTALLED_FILE, installId);
  process.stdout.write(`Dependencies installed in ${seconds()} s.\n`);
}

/** Identifies the processes that started this one: npm, or npm through a shell. */
function findAncestors() {
  const { ppid } = process;
  try {
    // "pid (name) state ppid …"; without /proc only the parent is checked.
    const [, name, grandparent] = fs.readFileSync(`/proc/${ppid}/stat`, 'utf8').match(/\((.*)\) \S (\d+)/);
    return ['sh', 'dash', 'bash'].includes(name) ? `${ppid} ${grandparent}` : `${ppid}`;
  } catch {
    return `${ppid}`;
  }
}

/**
 * Runs the script and exits with its status. The script has a separate session: a Ctrl-C, which the terminal sends to
 * every process, reaches it once, forwarded from here. A SIGKILL of this process closes the IPC channel between them.
 */
function run(script, args) {
  const tsx = pathToFileURL(require.resolve('tsx')).href;
  const child = spawn(process.execPath, ['--import', tsx, path.resolve(script), ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true,
  });
  let lastSignalMs = Number.NEGATIVE_INFINITY;
  const forwardSignal = (signal) => {
    const nowMs = performance.now();
    if (nowMs - lastSignalMs > DUPLICATE_SIGNAL_MS) child.kill(signal);
    lastSignalMs = nowMs;
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => forwardSignal(signal));
  // npm forwards SIGTERM only to its shell, and SIGKILL not at all: the change of parent shows both.
  if (process.env.npm_lifecycle_event) {
    const ancestors = findAncestors();
    const timer = setInterval(() => {
      if (findAncestors() === ancestors) return;
      clearInterval(timer);
      if (lastSignalMs === Number.NEGATIVE_INFINITY) forwardSignal('SIGTERM');
    }, ANCESTOR_CHECK_MS);
  }
  child.on('error', (error) => fail(`${script} could not be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (require('node:os').constants.signals[signal] ?? 0));
  });
}

async function main() {
  const [script, ...args] = process.argv.slice(2);
  if (!script) fail('usage: node dev/bootstrap.js <script> [arguments]');
  checkNodeVersion();
  const installId = computeInstallId();
  if (!arePackagesInstalled(installId)) await installPackages(installId);
  run(script, args);
}

main().catch((error) => fail(error.stack));
