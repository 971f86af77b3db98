import { Agent, type RequestListener, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import express from 'express';
import { eventually } from '../../tests/harness/eventually';
import { sendRequest } from '../../tests/harness/http/http-client';
import { createGate } from '../../tests/harness/workflow/gate';
import { limitConcurrency } from './limits/admission';
import { type ApiServer, listen } from './server';

const TIMEOUTS = { headersTimeoutMs: 300, requestTimeoutMs: 600, idleTimeoutMs: 60_000, checkIntervalMs: 50 };
const DRIP_MS = 40;

let api: ApiServer;
let completed = 0;
beforeAll(async () => {
  api = await listen(
    (req, res) => {
      req.resume().on('end', () => {
        completed += 1;
        res.end();
      });
    },
    '127.0.0.1',
    0,
    TIMEOUTS,
  );
});
afterAll(() => api?.stop(0));

/** Sends the start of a request, then single bytes. @returns what was received until the connection closed. */
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
])('closes the connection with 408 when the %s', async (_name, start, endless) => {
  expect(await drip(start, endless)).toMatch(/^HTTP\/1\.1 408 /);
  expect(completed).toBe(0);
});

test('closes the connection with 431 when the headers are too large', async () => {
  const flood = `X-A: ${'b'.repeat(20_000)}\r\n`;
  expect(await drip('GET / HTTP/1.1\r\nHost: a\r\n', flood)).toMatch(/^HTTP\/1\.1 431 /);
});

test('rejects a request with Content-Length and Transfer-Encoding', async () => {
  const start =
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n';
  expect(await drip(start, '')).toMatch(/^HTTP\/1\.1 400 /);
});

test('completes responses in flight while stopping, with Connection: close', async () => {
  const gate = createGate();
  let received = 0;
  const listener: RequestListener = (_req, res) => {
    received += 1;
    void gate.opened.then(() => res.end('complete'));
  };
  const stopping = await listen(listener, '127.0.0.1', 0);
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
  await eventually('a request', () => received === 1);

  const stopped = stopping.stop(60_000);
  gate.open();

  expect(await first).toEqual(['close', 'complete']);
  // The request queued for the connection opens a new one, which is refused.
  expect(await next).toBe('ECONNREFUSED');
  await stopped;
  agent.destroy();
});

test('closes the connection of a client that never reads its response, and serves another one', async () => {
  const large = Buffer.alloc(64 * 1024 * 1024);
  const app = express();
  const acquireSlot = limitConcurrency(1);
  app.use((_req, res, next) => {
    acquireSlot(res);
    next();
  });
  app.get('/large', (_req, res) => res.send(large));
  app.get('/small', (_req, res) => res.send('ok'));
  const one = await listen(app, '127.0.0.1', 0, { ...TIMEOUTS, idleTimeoutMs: 1_000 });
  try {
    const small = async () => (await sendRequest(`${one.url}/small`)).status;
    const socket = connect(Number(new URL(one.url).port), '127.0.0.1').on('error', () => undefined);
    socket.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('the limit is reached', async () => (await small()) !== 200);
    await eventually('the limit is free', async () => (await small()) === 200);
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    await new Promise((closed) => socket.once('close', closed));
    expect(received).toBeLessThan(large.length);
  } finally {
    await one.stop(0);
  }
});
