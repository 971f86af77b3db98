import { createServer, connect as dial, type Socket } from 'node:net';

/** Forwards a local port to another one, with simulated network failures. */
export interface TcpProxy {
  port: number;
  /** Closes all connections and closes new ones at once. */
  disconnect(): void;
  reconnect(): void;
  /** Stops forwarding on existing connections without closing them, as when a host is lost. New connections work. */
  freeze(): void;
  /** Discards what the target sends on existing connections: requests arrive, and their responses are lost. */
  dropResponses(): void;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const upstreams = new Set<Socket>();
  let isDisconnected = false;
  const trackSocket = (socket: Socket, getPeer: () => Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      sockets.delete(socket);
      getPeer().destroy();
    });
  };
  const server = createServer((client) => {
    if (isDisconnected) return client.destroy();
    const upstream = dial(target);
    trackSocket(client, () => upstream);
    trackSocket(upstream, () => client);
    upstreams.add(upstream);
    upstream.once('close', () => upstreams.delete(upstream));
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, HOST, resolve);
  });
  const address = server.address();
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    disconnect() {
      isDisconnected = true;
      destroyAll();
    },
    reconnect() {
      isDisconnected = false;
    },
    freeze() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    dropResponses() {
      for (const upstream of upstreams) upstream.unpipe().resume();
    },
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      destroyAll();
      return closed;
    },
  };
}
