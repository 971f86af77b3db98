import { connect, type Socket } from 'node:net';
import { countWarmUpCalls, type LoadResult, summarizeLoad } from './load';
import { getCpuMs } from './process-usage';

export interface ReadTarget {
  url: string;
  headers: Record<string, string>;
  /** Of the server. */
  pid: number;
}

export interface ReadResult extends LoadResult {
  /** Of the server, for a request; null where it is unknown. */
  cpuMs: number | null;
}

/** Other load of the machine then affects all targets of a comparison. */
const ROUNDS = 4;

/**
 * Sends `total` GET requests to each target over keep-alive connections, one at a time on each, in alternating rounds with
 * a warm-up that is not measured. Node's HTTP client needs more CPU time for a request than the server; this one parses
 * only what framing requires.
 * @throws Error for any status but 200, and for a response without Content-Length.
 */
export async function compareReads<Name extends string>(
  targets: Record<Name, ReadTarget>,
  connections: number,
  total: number,
): Promise<Record<Name, ReadResult>> {
  const rounds = Object.entries<ReadTarget>(targets).map(([name, target]) => ({
    name,
    target,
    times: [] as number[],
    elapsedMs: 0,
    cpuMs: 0 as number | null,
  }));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const measured of rounds) {
      const { times, elapsedMs, cpuMs } = await runRound(measured.target, connections, total / ROUNDS);
      measured.times.push(...times);
      measured.elapsedMs += elapsedMs;
      measured.cpuMs = measured.cpuMs === null || cpuMs === null ? null : measured.cpuMs + cpuMs;
    }
  }
  const results = rounds.map(({ name, times, elapsedMs, cpuMs }) => [
    name,
    { ...summarizeLoad(times, elapsedMs), cpuMs: cpuMs === null ? null : cpuMs / times.length },
  ]);
  return Object.fromEntries(results);
}

async function runRound({ url, headers, pid }: ReadTarget, connections: number, total: number) {
  const request = formatRequest(new URL(url), headers);
  const { hostname, port } = new URL(url);
  const sockets = await Promise.all(
    Array.from({ length: connections }, () => openSocket(hostname, Number(port))),
  );
  try {
    await sendRequests(sockets, request, countWarmUpCalls(connections, total));
    const [startedMs, before] = [performance.now(), getCpuMs(pid)];
    const times = await sendRequests(sockets, request, total);
    const [elapsedMs, after] = [performance.now() - startedMs, getCpuMs(pid)];
    return { times, elapsedMs, cpuMs: before === null || after === null ? null : after - before };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

const formatRequest = ({ pathname, search, host }: URL, headers: Record<string, string>): Buffer =>
  Buffer.from(
    [
      `GET ${pathname}${search} HTTP/1.1`,
      `host: ${host}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      '\r\n',
    ].join('\r\n'),
  );

function openSocket(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true }, () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** @returns the response times in milliseconds. */
async function sendRequests(sockets: readonly Socket[], request: Buffer, total: number): Promise<number[]> {
  const times: number[] = [];
  let sent = 0;
  await Promise.all(sockets.map(sendSequentially));
  return times;

  function sendSequentially(socket: Socket): Promise<void> {
    return new Promise((resolve, reject) => {
      let received: Buffer = Buffer.alloc(0);
      let startedMs = 0;
      const finish = (error?: Error) => {
        socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('error');
        if (error === undefined) resolve();
        else reject(error);
      };
      const sendNext = () => {
        if (sent >= total) return finish();
        sent += 1;
        startedMs = performance.now();
        socket.write(request);
      };
      socket.on('error', finish);
      socket.on('close', () => finish(new Error('the server closed a connection')));
      socket.on('data', (chunk: Buffer) => {
        received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
        try {
          if (!isCompleteResponse(received)) return;
        } catch (error) {
          return finish(error as Error);
        }
        times.push(performance.now() - startedMs);
        received = Buffer.alloc(0);
        sendNext();
      });
      sendNext();
    });
  }
}

const HEAD_END = Buffer.from('\r\n\r\n');
const STATUS_OK = 'HTTP/1.1 200 ';

/** @throws Error for another status and without Content-Length. */
function isCompleteResponse(received: Buffer): boolean {
  const end = received.indexOf(HEAD_END);
  if (end === -1) return false;
  const head = received.toString('latin1', 0, end);
  const length = /^content-length: *(\d+)$/im.exec(head)?.[1];
  if (!head.startsWith(STATUS_OK) || length === undefined)
    throw new Error(`unexpected response: ${received.toString('utf8').slice(0, 500)}`);
  return received.length >= end + HEAD_END.length + Number(length);
}
