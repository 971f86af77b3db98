import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A run that was told to stop a moment ago may need this long. */
const LOCK_TIMEOUT_MS = 5_000;
const POLL_MS = 100;

/** Creates the directory when it is missing. @throws Error of one sentence when nothing can be written there. */
export function assertWritable(dataDir: string): void {
  try {
    createDirectory(dataDir);
    accessSync(dataDir, constants.W_OK | constants.X_OK);
    const probe = join(dataDir, `.writable-${process.pid}`);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `The data directory ${dataDir} cannot be written to (${code}): change that or set DATA_DIR to another one.`,
    );
  }
}

/** Node's own `recursive` never returns where the system denies that a folder exists, as under /proc. */
function createDirectory(dir: string): void {
  if (existsSync(dir)) return;
  createDirectory(dirname(dir));
  mkdirSync(dir);
}

/**
 * Keeps a second run out of the directory for as long as this process lives: two Temporal servers on one file would
 * ruin it. A listening socket, because the kernel gives it up however the process ends, as no file would be.
 * @throws Error of one sentence when another run has it.
 */
export async function lockDataDir(
  dataDir: string,
  patienceMs = LOCK_TIMEOUT_MS,
): Promise<{ unlock(): void }> {
  // Not in the directory itself: the path of a socket may have about 100 characters.
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  const socketPath = join(tmpdir(), `durable-orders-${name}.sock`);
  const deadlineMs = performance.now() + patienceMs;
  do {
    const lock =
      (await tryListen(socketPath)) ??
      ((await isLocked(socketPath)) ? undefined : await replaceStaleSocket(socketPath));
    if (lock) return { unlock: () => lock.close() };
    await delay(POLL_MS);
  } while (performance.now() < deadlineMs);
  throw new Error(
    `Another run is using the data directory ${dataDir}: stop it or set DATA_DIR to another one.`,
  );
}

function tryListen(socketPath: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(socketPath, () => resolve(server.unref()));
  });
}

/** Takes over from a run that was killed: its socket file is still there, but nobody listens. */
function replaceStaleSocket(socketPath: string): Promise<Server | undefined> {
  rmSync(socketPath, { force: true });
  return tryListen(socketPath);
}

function isLocked(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
