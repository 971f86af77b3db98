import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface PortRequirement {
  port: number;
  /** The environment variable that changes it. */
  variable: string;
  /** What listens there. */
  purpose: string;
  /** Default 127.0.0.1. */
  host?: string;
}

/** A run that was killed a moment ago may still be letting go of its ports. */
const PORT_RELEASE_TIMEOUT_MS = 2_000;
const POLL_MS = 100;

/** Below the ports that systems give to connections going out: one of those takes a port while nobody listens there. */
const FIRST_PORT = 10_000;
const LAST_PORT = 32_767;
const MAX_ATTEMPTS = 100;

/** A port of this machine that was free a moment ago: a random one, since others look for theirs in the same moment. */
export async function findFreePort(): Promise<number> {
  for (let tries = 1; tries <= MAX_ATTEMPTS; tries += 1) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if ((await findPortError({ port, variable: '', purpose: '' })) === undefined) return port;
  }
  throw new Error(`none of ${MAX_ATTEMPTS} ports is free`);
}

/**
 * Waits a moment for those that are being let go of.
 * @throws Error that names every port which cannot be had and the variable that changes it.
 */
export async function assertPortsFree(
  wanted: PortRequirement[],
  patienceMs = PORT_RELEASE_TIMEOUT_MS,
): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  let faults: string[];
  do {
    faults = (await Promise.all(wanted.map(findPortError))).filter((fault) => fault !== undefined);
    if (faults.length === 0) return;
    await delay(POLL_MS);
  } while (performance.now() < deadlineMs);
  throw new Error(faults.join('\n'));
}

/** @throws Error when the port cannot be had. */
export const assertPortFree = (wanted: PortRequirement): Promise<void> => assertPortsFree([wanted]);

function findPortError({
  port,
  variable,
  purpose,
  host = '127.0.0.1',
}: PortRequirement): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'is already in use (perhaps by an earlier run)'
          : `cannot be had (${error.code})`;
      resolve(
        `Port ${port} on ${host}, wanted for ${purpose}, ${why}: free it or set ${variable} to another one.`,
      );
    });
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}
