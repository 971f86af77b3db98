import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSimulator, type Simulator } from './server';

export interface RunningSimulator {
  /** `http://127.0.0.1:12111`, without a slash at the end. */
  url: string;
  /** Stops listening, waits up to `graceMs` for running requests, closes the journal. */
  close(graceMs?: number): Promise<void>;
}

const GRACE_MS = 2000;

/**
 * Listens before it opens the journal, so that a second process on the same port does not change the file.
 * @throws Error with code EADDRINUSE if the port is in use; the errors of `createSimulator`.
 */
export function startSimulator(options: {
  journalFile: string;
  host?: string;
  port?: number;
}): Promise<RunningSimulator> {
  const { journalFile, host = '127.0.0.1', port = 0 } = options;
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      try {
        const simulator = createSimulator({ journalFile });
        server.on('request', simulator.app);
        resolve({
          url: formatUrl(server.address() as AddressInfo),
          close: (graceMs = GRACE_MS) => stopSimulator(server, simulator, graceMs),
        });
      } catch (error) {
        server.close();
        reject(error);
      }
    });
  });
}

const formatUrl = ({ address, family, port }: AddressInfo): string =>
  `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;

async function stopSimulator(server: Server, simulator: Simulator, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
  simulator.close();
}
