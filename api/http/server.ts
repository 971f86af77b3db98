import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';

export interface ApiServer {
  url: string;
  /** Takes no more requests and lets those under way finish, for `graceMs` at the most. */
  stop(graceMs: number): Promise<void>;
}

/** How much patience there is with slow clients. */
export interface ServerTimeouts {
  /** From the first byte of a request to the end of its headers. */
  headersTimeoutMs: number;
  /** To the end of its body. */
  requestTimeoutMs: number;
  /** Without a byte either way: longer than anybody may wait for an answer (`Prefer: wait`). Then it is not being read. */
  idleTimeoutMs: number;
  /** How often is looked for those who took too long. */
  checkIntervalMs: number;
}

const DEFAULT_TIMEOUTS: ServerTimeouts = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 90_000,
  checkIntervalMs: 5_000,
};
/** Those that come on top are closed at once. */
const MAX_CONNECTIONS = 5_000;
/** Longer than proxies and clients keep a connection they may use again: they must be the ones to close it. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;

/** @throws Error that names the port, when it is taken. */
export async function listen(
  app: RequestListener,
  host: string,
  port: number,
  { headersTimeoutMs, requestTimeoutMs, idleTimeoutMs, checkIntervalMs }: ServerTimeouts = DEFAULT_TIMEOUTS,
): Promise<ApiServer> {
  const underWay = new Set<ServerResponse>();
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: checkIntervalMs,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    },
    (req, res) => {
      underWay.add(res);
      res.once('close', () => {
        underWay.delete(res);
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
        error.code === 'EADDRINUSE' ? new Error(`Port ${port} is taken; set PORT to another one.`) : error,
      ),
    );
    server.listen(port, host, resolve);
  });
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${getBoundPort(server)}`,
    stop: (graceMs) => stopServer(server, underWay, graceMs),
  };
}

const getBoundPort = (server: Server): number => {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
};

/** A connection that is kept would bring more requests while the server stops: whoever is answered is told to leave. */
function closeConnection(res: ServerResponse): void {
  if (!res.headersSent) res.setHeader('Connection', 'close');
}

async function stopServer(
  server: Server,
  underWay: ReadonlySet<ServerResponse>,
  graceMs: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const res of underWay) closeConnection(res);
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(cut);
}
