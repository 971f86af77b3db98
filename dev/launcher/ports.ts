import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

export interface PortRequirement {
  port: number;
  /** The environment variable that changes it. */
  variable: string;
  /** The service that listens on the port, for messages. */
  purpose: string;
  /** Default 127.0.0.1. */
  host?: string;
}

/** A run killed a moment ago may not have released its ports yet. */
const PORT_RELEASE_TIMEOUT_MS = 2_000;
const POLL_MS = 100;

/** Below the ephemeral range, from which an outgoing connection could take the port before the service listens. */
const FIRST_PORT = 10_000;
const LAST_PORT = 32_767;
const MAX_ATTEMPTS = 100;

/** Returns a random free port; random, because concurrent runs search at the same time. */
export async function findFreePort(): Promise<number> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if ((await findPortError({ port, variable: '', purpose: '' })) === undefined) return port;
  }
  throw new Error(`No free port was found in ${MAX_ATTEMPTS} attempts.`);
}

/**
 * Waits up to `timeoutMs` for ports that are being released.
 * @throws Error that names every unavailable port and the variable that changes it.
 */
export async function assertPortsFree(
  requirements: PortRequirement[],
  timeoutMs = PORT_RELEASE_TIMEOUT_MS,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  let errors: string[];
  do {
    errors = (await Promise.all(requirements.map(findPortError))).filter((error) => error !== undefined);
    if (errors.length === 0) return;
    await delay(POLL_MS);
  } while (performance.now() < deadlineMs);
  throw new Error(errors.join('\n'));
}

/** @throws Error when the port is unavailable. */
export const assertPortFree = (requirement: PortRequirement): Promise<void> => assertPortsFree([requirement]);

function findPortError({
  port,
  variable,
  purpose,
  host = '127.0.0.1',
}: PortRequirement): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE'
          ? 'is already in use (perhaps by an earlier run)'
          : `is unavailable (${error.code})`;
      resolve(
        `Port ${port} on ${host}, needed by ${purpose}, ${reason}: free it or set ${variable} to another port.`,
      );
    });
    server.listen(port, host, () => server.close(() => resolve(undefined)));
  });
}
