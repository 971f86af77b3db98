import { pino } from 'pino';
import { type RateLimit, RateLimiter } from '../../../api/http/rate-limiter';
import { select } from '../../../db/core/sql';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';

const MINUTE_MS = 60_000;
const NOON_MS = Date.UTC(2026, 0, 1, 12);
const KEY = Buffer.alloc(32, 5);
const log = pino({ level: 'silent' });

describe.each(DIALECTS)('limits on %s', (dialect) => {
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

  /** As each API process has one. */
  const limiter = (store = shop.store.rateLimits) =>
    new RateLimiter({ store, hashKey: KEY, log, now: () => nowMs });
  const limit = (requests: number): RateLimit => ({ name: 'test', requests, windowMs: MINUTE_MS });
  const allowed = async (verdicts: Promise<{ allowed: boolean }>[]) =>
    (await Promise.all(verdicts)).filter((verdict) => verdict.allowed).length;

  test.each([1, 7, 20, 100])(
    '%i at once pass in three processes together, and not one more',
    async (most) => {
      const processes = [limiter(), limiter(), limiter()];
      const verdicts = Array.from({ length: 300 }, (_, n) =>
        (processes[n % 3] as RateLimiter).consume(limit(most), 'ada'),
      );
      expect(await allowed(verdicts)).toBe(most);
    },
  );

  test('one process alone lets pass all that may, and says what is left', async () => {
    const one = limiter();
    for (let left = 9; left >= 0; left -= 1) {
      expect(await one.consume(limit(10), 'ada')).toMatchObject({ allowed: true, left, resetMs: MINUTE_MS });
    }
    nowMs += 1_000;
    expect(await one.consume(limit(10), 'ada')).toMatchObject({
      allowed: false,
      left: 0,
      resetMs: MINUTE_MS - 1_000,
    });
  });

  test('callers and limits are counted apart', async () => {
    const one = limiter();
    await one.consume(limit(1), 'ada');
    expect((await one.consume(limit(1), 'ada')).allowed).toBe(false);
    expect((await one.consume(limit(1), 'bob')).allowed).toBe(true);
    expect((await one.consume({ ...limit(1), name: 'other' }, 'ada')).allowed).toBe(true);
  });

  test('the next window begins anew, and buckets of the one before are removed', async () => {
    const one = limiter();
    await one.consume(limit(1), 'ada');
    nowMs += MINUTE_MS;
    expect((await one.consume(limit(1), 'ada')).allowed).toBe(true);
    nowMs += 2 * MINUTE_MS;
    await one.consume(limit(1), 'bob');
    await shop.store.rateLimits.removeExpired(nowMs);
    expect(await select(shop.db, 'SELECT bucket FROM rate_limits')).toHaveLength(1);
  });

  test('processes that die again and again do not use up what the others may serve', async () => {
    for (let n = 0; n < 50; n += 1) await limiter().consume(limit(200), 'ada');
    const { allowed, remaining } = await limiter().consume(limit(200), 'ada');
    expect({ allowed, remaining }).toEqual({ allowed: true, remaining: 149 });
  });

  test('SQL hears of one request in many, and of none that is refused', async () => {
    let takes = 0;
    const { consume, removeExpired } = shop.store.rateLimits;
    const one = limiter({
      removeExpired,
      consume: (...args) => {
        takes += 1;
        return consume(...args);
      },
    });
    for (let n = 0; n < 300; n += 1) await one.consume(limit(200), 'ada');
    // 1, 1, 2, 4, 8, then a twentieth at once.
    expect(takes).toBe(24);
  });

  test('no address is to be read in the database', async () => {
    await limiter().consume(limit(5), '203.0.113.7');
    expect(JSON.stringify(await select(shop.db, 'SELECT * FROM rate_limits'))).not.toContain('203.0.113');
  });

  test('while the database is away each process counts for itself', async () => {
    const away = async () => {
      throw new Error('away');
    };
    const one = limiter({ consume: away, removeExpired: away });
    const verdicts = Array.from({ length: 60 }, () => one.consume(limit(40), 'ada'));
    expect(await allowed(verdicts)).toBe(40);
  });
});
