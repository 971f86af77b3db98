import { pino } from 'pino';
import { type RateLimit, RateLimiter } from '../../../api/http/limits/rate-limiter';
import { select } from '../../../db/core/sql';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';

const MINUTE_MS = 60_000;
const NOON_MS = Date.UTC(2026, 0, 1, 12);
const KEY = Buffer.alloc(32, 5);
const log = pino({ level: 'silent' });
/** Only the clock is faked: databases and their drivers use timers. */
const REAL_TIMERS = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

const exact = (requests: number): RateLimit => ({
  name: 'test',
  requests,
  windowMs: MINUTE_MS,
  counted: 'exactly',
});
const perProcess = (requests: number): RateLimit => ({ ...exact(requests), counted: 'per process' });
const countAllowed = async (results: Promise<{ allowed: boolean }>[]) =>
  (await Promise.all(results)).filter((result) => result.allowed).length;

describe.each(DIALECTS)('rate limits on %s', (dialect) => {
  let shop: TestStore;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
  });
  afterAll(() => shop?.close());
  beforeEach(async () => {
    jest.useFakeTimers({ now: NOON_MS, doNotFake: [...REAL_TIMERS] });
    await shop.store.rateLimits.removeExpired(Number.MAX_SAFE_INTEGER);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** Each API process has its own. */
  const limiter = (store = shop.store.rateLimits) => new RateLimiter({ store, hashKey: KEY, log });
  const consumeInThreeProcesses = (limit: RateLimit) => {
    const processes = [limiter(), limiter(), limiter()];
    return Array.from({ length: 300 }, (_, n) => (processes[n % 3] as RateLimiter).consume(limit, 'ada'));
  };

  test.each([1, 7, 20, 100])(
    'allows exactly %i of 300 concurrent requests across three processes',
    async (requests) => {
      expect(await countAllowed(consumeInThreeProcesses(exact(requests)))).toBe(requests);
    },
  );

  test('a limit per process allows its requests in each process, without SQL', async () => {
    expect(await countAllowed(consumeInThreeProcesses(perProcess(20)))).toBe(60);
    expect(await select(shop.db, 'SELECT bucket FROM rate_limits')).toEqual([]);
  });

  test.each([exact(10), perProcess(10)])(
    'returns the remaining requests, counted $counted',
    async (limit) => {
      const one = limiter();
      for (let remaining = 9; remaining >= 0; remaining -= 1) {
        expect(await one.consume(limit, 'ada')).toMatchObject({
          allowed: true,
          remaining,
          resetMs: MINUTE_MS,
        });
      }
      jest.setSystemTime(NOON_MS + 1_000);
      expect(await one.consume(limit, 'ada')).toMatchObject({
        allowed: false,
        remaining: 0,
        resetMs: MINUTE_MS - 1_000,
      });
    },
  );

  test.each([exact(1), perProcess(1)])('counts each caller and limit separately, $counted', async (limit) => {
    const one = limiter();
    await one.consume(limit, 'ada');
    expect((await one.consume(limit, 'ada')).allowed).toBe(false);
    expect((await one.consume(limit, 'bob')).allowed).toBe(true);
    expect((await one.consume({ ...limit, name: 'other' }, 'ada')).allowed).toBe(true);
  });

  test.each([exact(1), perProcess(1)])(
    'the next window starts from zero, counted $counted',
    async (limit) => {
      const one = limiter();
      await one.consume(limit, 'ada');
      expect((await one.consume(limit, 'ada')).allowed).toBe(false);
      jest.setSystemTime(NOON_MS + MINUTE_MS);
      expect((await one.consume(limit, 'ada')).allowed).toBe(true);
      expect((await one.consume(limit, 'ada')).allowed).toBe(false);
    },
  );

  test('removes expired windows', async () => {
    const one = limiter();
    await one.consume(exact(1), 'ada');
    jest.setSystemTime(NOON_MS + 3 * MINUTE_MS);
    await one.consume(exact(1), 'bob');
    await shop.store.rateLimits.removeExpired(Date.now());
    expect(await select(shop.db, 'SELECT bucket FROM rate_limits')).toHaveLength(1);
  });

  test('sends one statement for each allowed request, and none for requests after the first rejected one', async () => {
    let statements = 0;
    const { consume, removeExpired } = shop.store.rateLimits;
    const one = limiter({
      removeExpired,
      consume: (window) => {
        statements += 1;
        return consume(window);
      },
    });
    for (let n = 0; n < 60; n += 1) await one.consume(exact(20), 'ada');
    expect(statements).toBe(21);
  });

  test('stores no caller in plain text', async () => {
    await limiter().consume(exact(5), '203.0.113.7');
    expect(JSON.stringify(await select(shop.db, 'SELECT * FROM rate_limits'))).not.toContain('203.0.113');
  });

  test('an exact limit is counted per process while the database is unavailable', async () => {
    const unavailable = async () => {
      throw new Error('unavailable');
    };
    const one = limiter({ consume: unavailable, removeExpired: unavailable });
    const results = Array.from({ length: 60 }, () => one.consume(exact(40), 'ada'));
    expect(await countAllowed(results)).toBe(40);
  });
});
