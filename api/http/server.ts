import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';

export interface ApiServer {
  url: string;
  /** Accepts no more connections and completes the requests in flight, within at most `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** Timeouts of slow clients. */
export interface ServerTimeouts {
  /** From the first byte of a request to the end of its headers. */
  headersTimeoutMs: number;
  /** From the first byte to the end of the body. */
  requestTimeoutMs: number;
  /** Without a byte in either direction. Longer than a response may take (`Prefer: wait`). */
  idleTimeoutMs: number;
  /** How often connections are checked. */
  checkIntervalMs: number;
}

const DEFAULT_TIMEOUTS: ServerTimeouts = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 90_000,
  checkIntervalMs: 5_000,
};
/** Further connections are closed immediately. */
const MAX_CONNECTIONS = 5_000;
/** Longer than proxies and clients reuse an idle connection, so that they are the ones to close it. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;

/** @throws Error naming the port when it is in use. */
export async function listen(
  app: RequestListener,
  host: string,
  port: number,
  { headersTimeoutMs, requestTimeoutMs, idleTimeoutMs, checkIntervalMs }: ServerTimeouts = DEFAULT_TIMEOUTS,
): Promise<ApiServer> {
  const inFlight = new Set<ServerResponse>();
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: checkIntervalMs,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    },
    (req, res) => {
      inFlight.add(res);
      res.once('close', () => {
        inFlight.delete(res);
        if (!server.listening) server.closeIdleConnections();
      });
      if (!server.listening) closeConnection(res);
      app(req, res);
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.timeout = idleTimeoutMs;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`Port ${port} is already in use: set PORT to another port.`)
          : error,
      ),
    );
    server.listen(port, host, resolve);
  });
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${getBoundPort(server)}`,
    stop: (graceMs) => stopServer(server, inFlight, graceMs),
  };
}

const getBoundPort = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

/** Ends the connection with this response: a reused connection would carry more requests while the server stops. */
function closeConnection(res: ServerResponse): void {
  if (!res.headersSent) res.setHeader('Connection', 'close');
}

async function stopServer(
  server: Server,
  inFlight: ReadonlySet<ServerResponse>,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const res of inFlight) closeConnection(res);
  server.closeIdleConnections();
  const timeout = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timeout);
}
