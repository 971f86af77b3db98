import { eventually } from '../../harness/eventually';
import { createMachineToken } from '../../harness/servers/machine-token';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, expectProblem } from '../orders/orders';

const UNAUTHENTICATED = { authorization: '' };
const MINUTE_MS = 60_000;

/** Windows of exact limits begin at whole minutes. A run across two of them is repeated with the next `n`, for other addresses. */
async function runWithinOneMinute(run: (n: number) => Promise<void>): Promise<void> {
  for (let n = 1; ; n += 1) {
    await eventually('the first part of a minute', () => Date.now() % MINUTE_MS < 40_000);
    const minute = Math.floor(Date.now() / MINUTE_MS);
    try {
      return await run(n);
    } catch (error) {
      if (Math.floor(Date.now() / MINUTE_MS) === minute) throw error;
    }
  }
}

describe('rate limits', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({
      dialect: 'sqlite',
      env: {
        RATE_LIMIT_ADDRESS: '50',
        RATE_LIMIT_PRINCIPAL: '10',
        RATE_LIMIT_PLACEMENT: '5',
        RATE_LIMIT_LOGIN: '4',
        TRUSTED_PROXIES: 'loopback',
      },
    });
  });
  afterAll(() => system?.close());

  /** A client behind a trusted proxy. */
  const from = (address: string) => ({ ...UNAUTHENTICATED, 'x-forwarded-for': address });

  const as = (token: string, address: string) => ({ ...from(address), authorization: `Bearer ${token}` });
  const machine = () => createMachineToken(system.env, system.env.DATABASE_URL ?? '');

  test('limits placements by a guest per minute with 429 and Retry-After, and serves other addresses', () =>
    runWithinOneMinute(async (n) => {
      const headers = from(`198.51.100.${n}`);
      for (let remaining = 4; remaining >= 0; remaining -= 1) {
        const response = await system.placeOrder(buildOrderRequest(), headers);
        expect(response.status).toBe(201);
        expect(response.headers['ratelimit-policy']).toBe('"placement";q=5;w=60');
        expect(response.headers.ratelimit).toMatch(new RegExp(`^"placement";r=${remaining};t=\\d+$`));
      }
      const rejected = await system.placeOrder(buildOrderRequest(), headers);
      expectProblem(rejected, 429, 'too_many_requests');
      const retryAfter = Number(rejected.headers['retry-after']);
      expect(retryAfter).toBeGreaterThan(0);
      expect(retryAfter).toBeLessThanOrEqual(60);
      expect((await system.request('/api/products', { headers })).status).toBe(200);
      expect((await system.placeOrder(buildOrderRequest(), from(`198.51.101.${n}`))).status).toBe(201);
    }));

  test('counts requests by network address before authentication', () =>
    runWithinOneMinute(async (n) => {
      const headers = { ...from(`198.51.102.${n}`), authorization: 'Bearer wrong' };
      const responses = await Promise.all(
        Array.from({ length: 60 }, () => system.request('/api/products', { headers })),
      );
      const statuses = responses.map(({ status }) => status);
      expect(statuses.filter((status) => status === 401)).toHaveLength(50);
      expect(statuses.filter((status) => status === 429)).toHaveLength(10);
    }));

  test('limits password guesses per minute over all login endpoints', () =>
    runWithinOneMinute(async (n) => {
      const headers = from(`198.51.103.${n}`);
      const send = (path: string, body: object) => system.request(`/api/auth/${path}`, { headers, body });
      const wrong = { email: 'ada@example.com', password: 'a wrong password' };
      for (let guess = 1; guess <= 3; guess += 1) expect((await send('login', wrong)).status).toBe(401);
      expect((await send('password-reset', { email: wrong.email })).status).toBe(202);
      for (const path of ['login', 'register', 'password-reset', 'confirm', 'password-reset/confirm']) {
        expectProblem(await send(path, wrong), 429, 'too_many_requests');
      }
      const elsewhere = { headers: from(`198.51.104.${n}`), body: wrong };
      expect((await system.request('/api/auth/login', elsewhere)).status).toBe(401);
    }));

  test('neither several tokens nor several addresses allow more password guesses', () =>
    runWithinOneMinute(async (n) => {
      const tokens = await Promise.all([machine(), machine(), machine()]);
      const wrong = { email: 'ada@example.com', password: 'a wrong password' };
      const guess = async (address: string, token: string) =>
        (await system.request('/api/auth/login', { headers: as(token, address), body: wrong })).status;
      const [address, otherAddress] = [`198.51.105.${n}`, `198.51.106.${n}`];
      const statuses = [];
      for (const token of [...tokens, ...tokens]) statuses.push(await guess(address, token));
      expect(statuses).toEqual([401, 401, 401, 401, 429, 429]);
      const [first = ''] = tokens;
      for (const status of [401, 401, 429]) expect(await guess(otherAddress, first)).toBe(status);
    }));

  test('limits the requests of one account or machine over all addresses', () =>
    runWithinOneMinute(async (n) => {
      const [busy, other] = await Promise.all([machine(), machine()]);
      const send = (host: number, token: string) =>
        system.request('/api/products', { headers: as(token, `198.51.${107 + host}.${n}`) });
      const responses = [];
      for (let host = 0; host < 12; host += 1) responses.push(await send(host, busy));
      const statuses = responses.map(({ status }) => status);
      expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429, 429]);
      expect(responses[0]?.headers['ratelimit-policy']).toBe('"principal";q=10;w=60');
      expect((await send(0, other)).status).toBe(200);
    }));

  test('counts the addresses of an IPv6 /64 as one', () =>
    runWithinOneMinute(async (n) => {
      const placements = Array.from({ length: 6 }, (_, host) =>
        system.placeOrder(buildOrderRequest(), from(`2001:db8:${n}:2:${host}::${host}`)),
      );
      const statuses = (await Promise.all(placements)).map(({ status }) => status);
      expect(statuses.toSorted()).toEqual([201, 201, 201, 201, 201, 429]);
      expect((await system.placeOrder(buildOrderRequest(), from(`2001:db8:${n}:3::1`))).status).toBe(201);
    }));

  test.each([
    ['/docs', '203.0.111'],
    ['/openapi.json', '203.0.112'],
    ['/.well-known/jwks.json', '203.0.113'],
  ])('counts requests to %s', (path, network) =>
    runWithinOneMinute(async (n) => {
      const headers = from(`${network}.${n}`);
      const responses = await Promise.all(
        Array.from({ length: 52 }, () => system.request(path, { headers })),
      );
      expect(responses.filter(({ status }) => status === 429)).toHaveLength(2);
    }),
  );

  test('does not limit health checks', async () => {
    const responses = await Promise.all(Array.from({ length: 80 }, () => system.request('/healthz')));
    expect(responses.every(({ status }) => status === 200)).toBe(true);
  });
});

test('ignores X-Forwarded-For without a trusted proxy', async () => {
  const system = await startSystem({ dialect: 'sqlite', env: { RATE_LIMIT_PLACEMENT: '1' } });
  try {
    const place = (address: string) =>
      system.placeOrder(buildOrderRequest(), { ...UNAUTHENTICATED, 'x-forwarded-for': address });
    await runWithinOneMinute(async () => {
      expect((await place('198.51.100.1')).status).toBe(201);
      expectProblem(await place('198.51.100.2'), 429, 'too_many_requests');
    });
  } finally {
    await system.close();
  }
});
