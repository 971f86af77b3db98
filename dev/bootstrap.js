// Runs a TypeScript file of this project: `node dev/bootstrap.js dev/launcher/start.ts [args]`. It is plain JavaScript
// and needs no package, because it is what installs them.

const { spawn } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const { pathToFileURL } = require('node:url');

const ROOT = path.resolve(__dirname, '..');
const MODULES = path.join(ROOT, 'node_modules');
const LOCK_FILE = path.join(ROOT, 'package-lock.json');
/** What `node_modules` was installed from. It lies in there, so that it goes when the packages go. */
const INSTALLED_FILE = path.join(MODULES, '.package-lock-hash');
const OLDEST_NODE = [20, 19];
/** A second signal within this time is the same Ctrl-C: the terminal sends it to npm and to us, and npm passes it on. */
const SAME_SIGNAL_MS = 500;
const STARTERS_CHECK_MS = 500;

function checkNodeVersion() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  const oldest = OLDEST_NODE.join('.');
  fail(
    `Node ${oldest} or newer is needed, this is ${process.versions.node}: install it from https://nodejs.org/.`,
  );
}

/** @returns {never} */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function modificationMs(file) {
  try {
    return fs.statSync(file).mtimeMs;
  } catch {
    return Number.NEGATIVE_INFINITY;
  }
}

function wantedPackages() {
  const lock = fs.readFileSync(LOCK_FILE);
  // Some packages bring compiled code: another kind of machine (a mounted folder, an image) needs its own.
  return `${createHash('sha256').update(lock).digest('hex')} ${process.platform} ${process.arch}`;
}

function packagesAreInstalled(wanted) {
  try {
    return fs.readFileSync(INSTALLED_FILE, 'utf8') === wanted;
  } catch {
    // Installed by hand: npm writes this file last, so an install that was broken off does not pass.
    const byHand = modificationMs(path.join(MODULES, '.package-lock.json')) > modificationMs(LOCK_FILE);
    if (byHand) fs.writeFileSync(INSTALLED_FILE, wanted);
    return byHand;
  }
}

async function installPackages(wanted) {
  // npm would empty the folder that the link leads to, under whoever works with it.
  if (fs.lstatSync(MODULES, { throwIfNoEntry: false })?.isSymbolicLink()) {
    fail('node_modules is a link to other packages than package-lock.json asks for: remove it.');
  }
  const startedMs = Date.now();
  const seconds = () => Math.round((Date.now() - startedMs) / 1000);
  process.stdout.write('Installing dependencies (first time: about 2 minutes, sqlite3 may compile) …\n');
  const ticker = process.stdout.isTTY
    ? setInterval(() => process.stdout.write(`\r  ${seconds()} s `), 1000)
    : setInterval(() => process.stdout.write(`  still installing, ${seconds()} s …\n`), 15_000);

  const npm = spawn('npm', ['ci', '--include=dev', '--no-audit', '--no-fund'], {
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
    const end = output.trimEnd().split('\n').slice(-30).join('\n');
    fail(
      `${end}\n\nThe dependencies could not be installed ("npm ci": ${outcome}, the end of its output is above).`,
    );
  }
  fs.writeFileSync(INSTALLED_FILE, wanted);
  process.stdout.write(`Dependencies installed in ${seconds()} s.\n`);
}

/** Who has started us: npm, or npm through a shell. */
function findStarters() {
  const { ppid } = process;
  try {
    // "pid (name) state ppid …"; where there is no /proc the parent alone must do.
    const [, name, grandparent] = fs.readFileSync(`/proc/${ppid}/stat`, 'utf8').match(/\((.*)\) \S (\d+)/);
    return ['sh', 'dash', 'bash'].includes(name) ? `${ppid} ${grandparent}` : `${ppid}`;
  } catch {
    return `${ppid}`;
  }
}

/**
 * Runs the script and ends as it ends. It runs in a session of its own, so that a Ctrl-C in the terminal, which goes to
 * every process there, reaches it once: through us. When we are killed hard, it sees the channel between us close.
 */
function run(script, args) {
  const tsx = pathToFileURL(require.resolve('tsx')).href;
  const child = spawn(process.execPath, ['--import', tsx, path.resolve(script), ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true,
  });
  let lastSignalMs = Number.NEGATIVE_INFINITY;
  const passOn = (signal) => {
    const nowMs = performance.now();
    if (nowMs - lastSignalMs > SAME_SIGNAL_MS) child.kill(signal);
    lastSignalMs = nowMs;
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => passOn(signal));
  // npm passes a SIGTERM to its shell, which ends without telling us, and killed hard it tells nobody.
  if (process.env.npm_lifecycle_event) {
    const starters = findStarters();
    const timer = setInterval(() => {
      if (findStarters() === starters) return;
      clearInterval(timer);
      if (lastSignalMs === Number.NEGATIVE_INFINITY) passOn('SIGTERM');
    }, STARTERS_CHECK_MS);
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
  const wanted = wantedPackages();
  if (!packagesAreInstalled(wanted)) await installPackages(wanted);
  run(script, args);
}

main().catch((error) => fail(error.stack));
