import { createServer, connect as dial, type Socket } from 'node:net';

/** A port that leads to another one, until the line is cut or freezes. */
export interface TcpProxy {
  port: number;
  /** Drops every connection and accepts none. */
  disconnect(): void;
  reconnect(): void;
  /** The lines that are there carry nothing any more and stay open, as when a host is lost. New ones are as always. */
  freeze(): void;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

export async function startTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const keep = (socket: Socket, other: () => Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      sockets.delete(socket);
      other().destroy();
    });
  };
  const server = createServer((client) => {
    if (isCut) return client.destroy();
    const upstream = dial(target);
    keep(client, () => upstream);
    keep(upstream, () => client);
    client.pipe(upstream);
    upstream.pipe(client);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, HOST, resolve);
  });
  const address = server.address();
  const dropAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    disconnect() {
      isCut = true;
      dropAll();
    },
    reconnect() {
      isCut = false;
    },
    freeze() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      dropAll();
      return closed;
    },
  };
}
