import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** An earlier run may still be stopping. */
const LOCK_TIMEOUT_MS = 5_000;
const POLL_MS = 100;

/** Creates a missing directory. @throws Error of one sentence when it is not writable. */
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
      `The data directory ${dataDir} is not writable (${code}): change its permissions or set DATA_DIR to another directory.`,
    );
  }
}

/** Node's `recursive` option never returns under /proc, where a created directory does not exist afterwards. */
function createDirectory(dir: string): void {
  if (existsSync(dir)) return;
  createDirectory(dirname(dir));
  mkdirSync(dir);
}

/**
 * Locks the directory for the lifetime of this process: two Temporal servers on one file would corrupt it. The lock is a
 * listening socket, which the kernel releases however the process ends.
 * @throws Error of one sentence when another run holds the lock.
 */
export async function lockDataDir(dataDir: string, timeoutMs = LOCK_TIMEOUT_MS): Promise<{ unlock(): void }> {
  // Not in the directory itself: a socket path is limited to about 100 characters.
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  const socketPath = join(tmpdir(), `durable-orders-${name}.sock`);
  const deadlineMs = performance.now() + timeoutMs;
  do {
    const lock =
      (await tryListen(socketPath)) ??
      ((await isLocked(socketPath)) ? undefined : await replaceStaleSocket(socketPath));
    if (lock) return { unlock: () => lock.close() };
    await delay(POLL_MS);
  } while (performance.now() < deadlineMs);
  throw new Error(
    `Another run is using the data directory ${dataDir}: stop it or set DATA_DIR to another directory.`,
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

/** Replaces the socket file of a run that was killed: it exists, but no process listens. */
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
