import { eventually } from '../../harness/eventually';
import { createMachineToken } from '../../harness/servers/machine-token';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, expectProblem } from '../orders/orders';

const UNAUTHENTICATED = { authorization: '' };
const MINUTE_MS = 60_000;

/** Windows begin at whole minutes. What does not fit into one is tried again, from other addresses: `n` is another. */
async function runWithinOneMinute(play: (n: number) => Promise<void>): Promise<void> {
  for (let n = 1; ; n += 1) {
    await eventually('the first part of a minute', () => Date.now() % MINUTE_MS < 40_000);
    const minute = Math.floor(Date.now() / MINUTE_MS);
    try {
      return await play(n);
    } catch (error) {
      if (Math.floor(Date.now() / MINUTE_MS) === minute) throw error;
    }
  }
}

describe('limits', () => {
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

  /** Somebody behind a proxy that we trust. */
  const from = (address: string) => ({ ...UNAUTHENTICATED, 'x-forwarded-for': address });

  const as = (token: string, address: string) => ({ ...from(address), authorization: `Bearer ${token}` });
  const machine = () => createMachineToken(system.env, system.env.DATABASE_URL ?? '');

  test('a guest places a few orders a minute; then 429 says when to come back, and others are served', () =>
    runWithinOneMinute(async (n) => {
      const headers = from(`198.51.100.${n}`);
      for (let left = 4; left >= 0; left -= 1) {
        const answer = await system.placeOrder(buildOrderRequest(), headers);
        expect(answer.status).toBe(201);
        expect(answer.headers['ratelimit-policy']).toBe('"placement";q=5;w=60');
        expect(answer.headers.ratelimit).toMatch(new RegExp(`^"placement";r=${left};t=\\d+$`));
      }
      const refused = await system.placeOrder(buildOrderRequest(), headers);
      expectProblem(refused, 429, 'too_many_requests');
      const retryAfter = Number(refused.headers['retry-after']);
      expect(retryAfter).toBeGreaterThan(0);
      expect(retryAfter).toBeLessThanOrEqual(60);
      expect((await system.request('/api/products', { headers })).status).toBe(200);
      expect((await system.placeOrder(buildOrderRequest(), from(`198.51.101.${n}`))).status).toBe(201);
    }));

  test('whoever asks too often is refused before anything is done for them, also with a wrong token', () =>
    runWithinOneMinute(async (n) => {
      const headers = { ...from(`198.51.102.${n}`), authorization: 'Bearer wrong' };
      const answers = await Promise.all(
        Array.from({ length: 60 }, () => system.request('/api/products', { headers })),
      );
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status === 401)).toHaveLength(50);
      expect(statuses.filter((status) => status === 429)).toHaveLength(10);
    }));

  test('passwords are guessed a few times a minute, whatever is asked for', () =>
    runWithinOneMinute(async (n) => {
      const headers = from(`198.51.103.${n}`);
      const ask = (path: string, body: object) => system.request(`/api/auth/${path}`, { headers, body });
      const wrong = { email: 'ada@example.com', password: 'a wrong password' };
      for (let guess = 1; guess <= 3; guess += 1) expect((await ask('login', wrong)).status).toBe(401);
      expect((await ask('password-reset', { email: wrong.email })).status).toBe(202);
      for (const path of ['login', 'register', 'password-reset', 'confirm', 'password-reset/confirm']) {
        expectProblem(await ask(path, wrong), 429, 'too_many_requests');
      }
      const elsewhere = { headers: from(`198.51.104.${n}`), body: wrong };
      expect((await system.request('/api/auth/login', elsewhere)).status).toBe(401);
    }));

  test('nobody guesses more often with tokens, nor from more places with one', () =>
    runWithinOneMinute(async (n) => {
      const tokens = await Promise.all([machine(), machine(), machine()]);
      const wrong = { email: 'ada@example.com', password: 'a wrong password' };
      const guess = async (address: string, token: string) =>
        (await system.request('/api/auth/login', { headers: as(token, address), body: wrong })).status;
      const [here, there] = [`198.51.105.${n}`, `198.51.106.${n}`];
      const statuses = [];
      for (const token of [...tokens, ...tokens]) statuses.push(await guess(here, token));
      expect(statuses).toEqual([401, 401, 401, 401, 429, 429]);
      const [first = ''] = tokens;
      for (const status of [401, 401, 429]) expect(await guess(there, first)).toBe(status);
    }));

  test('one account or machine is served so often, wherever it asks from', () =>
    runWithinOneMinute(async (n) => {
      const [busy, other] = await Promise.all([machine(), machine()]);
      const ask = (host: number, token: string) =>
        system.request('/api/products', { headers: as(token, `198.51.${107 + host}.${n}`) });
      const answers = [];
      for (let host = 0; host < 12; host += 1) answers.push(await ask(host, busy));
      const statuses = answers.map(({ status }) => status);
      expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429, 429]);
      expect(answers[0]?.headers['ratelimit-policy']).toBe('"principal";q=10;w=60');
      expect((await ask(0, other)).status).toBe(200);
    }));

  test('addresses of one IPv6 network count as one', () =>
    runWithinOneMinute(async (n) => {
      const places = Array.from({ length: 6 }, (_, host) =>
        system.placeOrder(buildOrderRequest(), from(`2001:db8:${n}:2:${host}::${host}`)),
      );
      const statuses = (await Promise.all(places)).map(({ status }) => status);
      expect(statuses.toSorted()).toEqual([201, 201, 201, 201, 201, 429]);
      expect((await system.placeOrder(buildOrderRequest(), from(`2001:db8:${n}:3::1`))).status).toBe(201);
    }));

  test.each([
    ['/docs', '203.0.111'],
    ['/openapi.json', '203.0.112'],
    ['/.well-known/jwks.json', '203.0.113'],
  ])('%s is counted as everything is', (path, network) =>
    runWithinOneMinute(async (n) => {
      const headers = from(`${network}.${n}`);
      const answers = await Promise.all(Array.from({ length: 52 }, () => system.request(path, { headers })));
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(2);
    }),
  );

  test('health is never refused', async () => {
    const answers = await Promise.all(Array.from({ length: 80 }, () => system.request('/healthz')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
  });
});

test("a request's own word on where it comes from is not believed", async () => {
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
