import { connect, type Socket } from 'node:net';
import { countWarmUpCalls, type LoadResult, summarizeLoad } from './load';

export interface ReadLoadResult extends LoadResult {
  /** CPU time of this process relative to the elapsed time: near 1 the generator limits the load. */
  generatorShare: number;
}

/**
 * Sends `total` GET requests over keep-alive connections, one at a time on each, after a warm-up that is not measured.
 * Node's HTTP client needs more CPU time for a request than the server; this one parses only what framing requires.
 * @throws Error for any status but 200, and for a response without Content-Length.
 */
export async function runReadLoad(
  connections: number,
  total: number,
  url: string,
  headers: Record<string, string> = {},
): Promise<ReadLoadResult> {
  const target = new URL(url);
  const request = Buffer.from(
    [
      `GET ${target.pathname}${target.search} HTTP/1.1`,
      `host: ${target.host}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      '\r\n',
    ].join('\r\n'),
  );
  const sockets = await Promise.all(
    Array.from({ length: connections }, () => openSocket(target.hostname, Number(target.port))),
  );
  try {
    await sendRequests(sockets, request, countWarmUpCalls(connections, total));
    const [startedMs, before] = [performance.now(), process.cpuUsage()];
    const times = await sendRequests(sockets, request, total);
    const elapsedMs = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(before);
    return { ...summarizeLoad(times, elapsedMs), generatorShare: (user + system) / 1_000 / elapsedMs };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

function openSocket(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** @returns the response times in milliseconds. */
async function sendRequests(sockets: readonly Socket[], request: Buffer, total: number): Promise<number[]> {
  const times: number[] = [];
  let next = 0;
  const runSequentially = (socket: Socket) =>
    new Promise<void>((resolve, reject) => {
      let received: Buffer = Buffer.alloc(0);
      let startedMs = 0;
      const stop = (error?: Error) => {
        socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('error');
        if (error === undefined) resolve();
        else reject(error);
      };
      const sendNext = () => {
        if (next >= total) return stop();
        next += 1;
        startedMs = performance.now();
        socket.write(request);
      };
      socket.on('error', stop);
      socket.on('close', () => stop(new Error('the server closed a connection')));
      socket.on('data', (chunk: Buffer) => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        try {
          const length = parseResponseLength(received);
          if (length === null || received.length < length) return;
        } catch (error) {
          return stop(error as Error);
        }
        times.push(performance.now() - startedMs);
        received = Buffer.alloc(0);
        sendNext();
      });
      sendNext();
    });
  await Promise.all(sockets.slice(0, total).map(runSequentially));
  return times;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const STATUS_OK = 'HTTP/1.1 200 ';

/** @returns the length of head and body; null while the head is incomplete. */
function parseResponseLength(received: Buffer): number | null {
  const end = received.indexOf(HEAD_END);
  if (end === -1) return null;
  const head = received.toString('latin1', 0, end);
  const length = /^content-length: *(\d+)$/im.exec(head)?.[1];
  if (!head.startsWith(STATUS_OK) || length === undefined)
    throw new Error(`unexpected response: ${received.toString('utf8').slice(0, 500)}`);
  return end + HEAD_END.length + Number(length);
}
