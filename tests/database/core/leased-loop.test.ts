import pino from 'pino';
import type { Feed } from '../../../db/events/feed';
import { type Loop, startLeasedLoop } from '../../../workers/leased-loop';
import { eventually } from '../../harness/eventually';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { createGate } from '../../harness/workflow/gate';

const silent = pino({ level: 'silent' });
const LEASE_NAME = 'work';

describe.each(DIALECTS)('a leased loop on %s', (dialect) => {
  let shop: TestStore;
  let running: Loop[];
  beforeAll(async () => {
    shop = await createTestStore(dialect);
  });
  afterAll(() => shop.close());
  beforeEach(() => {
    running = [];
  });
  afterEach(() => Promise.all(running.map((loop) => loop.stop())));

  const start = (holder: string, round: () => Promise<boolean>, feed: Feed = shop.store.feed): Loop => {
    const loop = startLeasedLoop({
      name: LEASE_NAME,
      feed,
      log: silent,
      instanceId: holder,
      idleMs: 5,
      runOnce: round,
    });
    running.push(loop);
    return loop;
  };
  /** A round that counts its runs. */
  const createCountingRound = () => {
    const counter = { rounds: 0 };
    return {
      counter,
      round: async () => {
        counter.rounds += 1;
        return false;
      },
    };
  };

  test('runs in one process at a time, and in the next once that one stops', async () => {
    const [a, b] = [createCountingRound(), createCountingRound()];
    const first = start('a', a.round);
    await eventually('the first runs', () => a.counter.rounds > 2);
    start('b', b.round);
    await eventually('the first continues', () => a.counter.rounds > 20);
    expect(b.counter.rounds).toBe(0);
    await first.stop();
    const finalRounds = a.counter.rounds;
    await eventually('the second runs', () => b.counter.rounds > 2);
    expect(a.counter.rounds).toBe(finalRounds);
  });

  test('runs the next round immediately while there is more work', async () => {
    let remaining = 300;
    const startedAtMs = performance.now();
    start('a', async () => {
      remaining -= 1;
      return remaining > 0;
    });
    await eventually('all work is done', () => remaining <= 0);
    expect(performance.now() - startedAtMs).toBeLessThan(300 * 5);
  });

  test('waits longer after each failure, and resumes after a success', async () => {
    const attemptedAtMs: number[] = [];
    let succeeded = 0;
    start('a', async () => {
      attemptedAtMs.push(performance.now());
      if (attemptedAtMs.length <= 5) throw new Error('the database is unavailable');
      succeeded += 1;
      return false;
    });
    await eventually('it succeeds again', () => succeeded > 3);
    const waitedMs = attemptedAtMs.slice(1, 6).map((at, i) => at - (attemptedAtMs[i] ?? 0));
    // 10, 20, 40, 80, 160 ms; timers may fire a millisecond early.
    for (const [i, ms] of waitedMs.entries()) expect(ms).toBeGreaterThanOrEqual(10 * 2 ** i - 2);
  });

  test('acquires the lease after the database was unavailable', async () => {
    const { feed } = shop.store;
    let failures = 3;
    const flaky: Feed = {
      ...feed,
      acquireLease: (...args) => {
        failures -= 1;
        return failures >= 0
          ? Promise.reject(new Error('the database is unavailable'))
          : feed.acquireLease(...args);
      },
    };
    const { counter, round } = createCountingRound();
    start('a', round, flaky);
    await eventually('it runs', () => counter.rounds > 0);
    expect(failures).toBeLessThan(0);
  });

  test('stop waits for the running round and starts no other', async () => {
    const gate = createGate();
    let finished = 0;
    let started = 0;
    const loop = start('a', async () => {
      started += 1;
      await gate.opened;
      finished += 1;
      return true;
    });
    await eventually('a round runs', () => started === 1);
    const stopped = loop.stop();
    gate.open();
    await stopped;
    expect({ started, finished }).toEqual({ started: 1, finished: 1 });
    expect(await shop.store.feed.acquireLease(LEASE_NAME, 'other', Date.now(), 10)).toBe(true);
    await shop.store.feed.releaseLease(LEASE_NAME, 'other');
  });

  test('stop does not wait for the idle pause', async () => {
    const { counter, round } = createCountingRound();
    const loop = startLeasedLoop({
      name: LEASE_NAME,
      feed: shop.store.feed,
      log: silent,
      instanceId: 'a',
      idleMs: 60_000,
      runOnce: round,
    });
    await eventually('it pauses', () => counter.rounds === 1);
    await loop.stop();
    expect(counter.rounds).toBe(1);
  });
});
