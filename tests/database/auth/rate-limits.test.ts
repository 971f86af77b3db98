import { pino } from 'pino';
import { type RateLimit, RateLimiter } from '../../../api/http/limits/rate-limiter';
import { select } from '../../../db/core/sql';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';

const MINUTE_MS = 60_000;
const NOON_MS = Date.UTC(2026, 0, 1, 12);
const KEY = Buffer.alloc(32, 5);
const log = pino({ level: 'silent' });

describe.each(DIALECTS)('rate limits on %s', (dialect) => {
  let shop: TestStore;
  let nowMs: number;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
  });
  afterAll(() => shop?.close());
  beforeEach(async () => {
    nowMs = NOON_MS;
    await shop.store.rateLimits.removeExpired(Number.MAX_SAFE_INTEGER);
  });

  /** Each API process has its own. */
  const limiter = (store = shop.store.rateLimits) =>
    new RateLimiter({ store, hashKey: KEY, log, now: () => nowMs });
  const limit = (requests: number): RateLimit => ({ name: 'test', requests, windowMs: MINUTE_MS });
  const countAllowed = async (results: Promise<{ allowed: boolean }>[]) =>
    (await Promise.all(results)).filter((result) => result.allowed).length;

  test.each([1, 7, 20, 100])(
    'allows exactly %i of 300 concurrent requests across three processes',
    async (requests) => {
      const processes = [limiter(), limiter(), limiter()];
      const results = Array.from({ length: 300 }, (_, n) =>
        (processes[n % 3] as RateLimiter).consume(limit(requests), 'ada'),
      );
      expect(await countAllowed(results)).toBe(requests);
    },
  );

  test('a single process allows the full limit and returns the remaining requests', async () => {
    const one = limiter();
    for (let remaining = 9; remaining >= 0; remaining -= 1) {
      expect(await one.consume(limit(10), 'ada')).toMatchObject({
        allowed: true,
        remaining,
        resetMs: MINUTE_MS,
      });
    }
    nowMs += 1_000;
    expect(await one.consume(limit(10), 'ada')).toMatchObject({
      allowed: false,
      remaining: 0,
      resetMs: MINUTE_MS - 1_000,
    });
  });

  test('counts each caller and each limit separately', async () => {
    const one = limiter();
    await one.consume(limit(1), 'ada');
    expect((await one.consume(limit(1), 'ada')).allowed).toBe(false);
    expect((await one.consume(limit(1), 'bob')).allowed).toBe(true);
    expect((await one.consume({ ...limit(1), name: 'other' }, 'ada')).allowed).toBe(true);
  });

  test('the next window starts from zero, and expired buckets are removed', async () => {
    const one = limiter();
    await one.consume(limit(1), 'ada');
    nowMs += MINUTE_MS;
    expect((await one.consume(limit(1), 'ada')).allowed).toBe(true);
    nowMs += 2 * MINUTE_MS;
    await one.consume(limit(1), 'bob');
    await shop.store.rateLimits.removeExpired(nowMs);
    expect(await select(shop.db, 'SELECT bucket FROM rate_limits')).toHaveLength(1);
  });

  test('crashing processes do not use up the quota of the others', async () => {
    for (let n = 0; n < 50; n += 1) await limiter().consume(limit(200), 'ada');
    const { allowed, remaining } = await limiter().consume(limit(200), 'ada');
    expect({ allowed, remaining }).toEqual({ allowed: true, remaining: 149 });
  });

  test('writes to SQL for few requests, and never for a rejected one', async () => {
    let writes = 0;
    const { consume, removeExpired } = shop.store.rateLimits;
    const one = limiter({
      removeExpired,
      consume: (...args) => {
        writes += 1;
        return consume(...args);
      },
    });
    for (let n = 0; n < 300; n += 1) await one.consume(limit(200), 'ada');
    // Shares of 1, 1, 2, 4, 8, then a twentieth of the limit.
    expect(writes).toBe(24);
  });

  test('stores no IP address', async () => {
    await limiter().consume(limit(5), '203.0.113.7');
    expect(JSON.stringify(await select(shop.db, 'SELECT * FROM rate_limits'))).not.toContain('203.0.113');
  });

  test('each process counts for itself while the database is unavailable', async () => {
    const throwUnavailable = async () => {
      throw new Error('unavailable');
    };
    const one = limiter({ consume: throwUnavailable, removeExpired: throwUnavailable });
    const results = Array.from({ length: 60 }, () => one.consume(limit(40), 'ada'));
    expect(await countAllowed(results)).toBe(40);
  });
});
