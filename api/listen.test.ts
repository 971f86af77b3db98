import { Agent, type RequestListener, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { eventually } from '../tests/support/eventually';
import { type ListeningApi, listen } from './listen';

const PATIENCE = { headersMs: 300, requestMs: 600, checkMs: 50 };
const DRIP_MS = 40;

let api: ListeningApi;
let answered = 0;
beforeAll(async () => {
  api = await listen(
    (req, res) => {
      req.resume().on('end', () => {
        answered += 1;
        res.end();
      });
    },
    '127.0.0.1',
    0,
    PATIENCE,
  );
});
afterAll(() => api?.stop(0));

/** Sends the start of a request, then a byte now and then. @returns what came back until the connection was closed. */
function drip(start: string, endless: string): Promise<string> {
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  let received = '';
  socket.write(start);
  const dripping = setInterval(() => socket.write(endless), DRIP_MS);
  return new Promise((settle) => {
    socket.on('data', (chunk) => {
      received += chunk.toString();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(dripping);
      settle(received);
    });
  });
}

test.each([
  ['headers never end', 'GET / HTTP/1.1\r\nHost: a\r\n', 'X-A: b\r\n'],
  ['body never ends', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n', 'x'],
  ['chunks never end', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\nx\r\n'],
])('a client whose %s is told so and cut off', async (_what, start, endless) => {
  expect(await drip(start, endless)).toMatch(/^HTTP\/1\.1 408 /);
  expect(answered).toBe(0);
});

test('a client that sends more headers than there is room for is told so and cut off', async () => {
  const flood = `X-A: ${'b'.repeat(20_000)}\r\n`;
  expect(await drip('GET / HTTP/1.1\r\nHost: a\r\n', flood)).toMatch(/^HTTP\/1\.1 431 /);
});

test('a request of two lengths, as smuggling begins, is refused', async () => {
  const start =
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
  expect(await drip(start, '')).toMatch(/^HTTP\/1\.1 400 /);
});

test('while it stops every answer is whole, and says that it is the last of its connection', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let asked = 0;
  const answer: RequestListener = (_req, res) => {
    asked += 1;
    void held.then(() => res.end('whole'));
  };
  const stopping = await listen(answer, '127.0.0.1', 0);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const get = () =>
    new Promise<[string | undefined, string]>((resolve, reject) => {
      const req = request(stopping.url, { agent }, async (res) =>
        resolve([res.headers.connection, await text(res)]),
      );
      req.on('error', reject).end();
    });
  const first = get();
  const next = get().catch((error: { code: string }) => error.code);
  await eventually('a request', () => asked === 1);

  const stopped = stopping.stop(60_000);
  release();

  expect(await first).toEqual(['close', 'whole']);
  // The one that waited for the connection looks for another, and finds nobody.
  expect(await next).toBe('ECONNREFUSED');
  await stopped;
  agent.destroy();
});
