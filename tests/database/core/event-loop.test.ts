import { setTimeout as delay } from 'node:timers/promises';
import { ulid } from 'ulid';
import { createImportActivities } from '../../../activities/product-imports';
import { withAbortSignal } from '../../../db/core/abort-signal';
import { connect, type Database } from '../../../db/core/connect';
import { execute, insert, select } from '../../../db/core/sql';
import { eventually } from '../../harness/eventually';
import { createStoredImport } from '../../harness/http/product-imports';
import { createTestStore, type TestStore } from '../../harness/servers/databases';
import { createGate } from '../../harness/workflow/gate';

/** Far above the delays of a busy machine, far below those of a driver that blocks. */
const MAX_DELAY_MS = 2_000;
const MAX_TYPICAL_DELAY_MS = 250;

interface Delays {
  maxMs: number;
  p90Ms: number;
}

/** Measures the time between timer callbacks that are due every 5 ms. */
async function measureDelays(label: string, work: () => Promise<unknown>): Promise<Delays> {
  const delaysMs: number[] = [];
  let lastMs = performance.now();
  const measure = () => {
    const nowMs = performance.now();
    delaysMs.push(nowMs - lastMs);
    lastMs = nowMs;
  };
  const timer = setInterval(measure, 5);
  await work();
  clearInterval(timer);
  measure();
  delaysMs.sort((a, b) => a - b);
  const at = (share: number) => delaysMs[Math.floor(share * (delaysMs.length - 1))] ?? 0;
  const delays = { maxMs: at(1), p90Ms: at(0.9) };
  process.stdout.write(`${label}: p90 ${delays.p90Ms.toFixed(1)} ms, max ${delays.maxMs.toFixed(1)} ms\n`);
  return delays;
}

describe('the event loop on sqlite', () => {
  let shop: TestStore;
  let db: Database;
  beforeAll(async () => {
    shop = await createTestStore('sqlite');
    db = shop.db;
  });
  afterAll(() => shop.close());

  const setPosition = (name: string, position: number) =>
    execute(db, 'UPDATE subscriptions SET position = :position WHERE name = :name', { name, position });

  /** Runs `work` while another process is writing. It stops writing when `work` calls `release`. */
  async function duringForeignWrite(work: (release: () => void) => Promise<void>): Promise<void> {
    const other = connect({ url: shop.url });
    const gate = createGate();
    let isWriting = false;
    const foreign = other.write(async (tx) => {
      await insert(other, 'subscriptions', [{ name: ulid(), position: 1 }], { tx });
      isWriting = true;
      await gate.opened;
    });
    await eventually('the other process writes', () => isWriting);
    try {
      await work(() => gate.open());
    } finally {
      gate.open();
      await foreign;
      await other.close();
    }
  }

  test('is not blocked while another process holds the write lock, and the write succeeds afterwards', async () => {
    await insert(db, 'subscriptions', [{ name: 'locked', position: 0 }]);
    await duringForeignWrite(async (release) => {
      let written = 0;
      const { maxMs } = await measureDelays('delays during a foreign write', async () => {
        const writes = [
          db.write((tx) => insert(db, 'subscriptions', [{ name: 'waiting', position: 1 }], { tx })),
          db.writeStatement(() => setPosition('locked', 1)),
        ].map((write) => write.then(() => written++));
        await delay(2_000);
        expect(written).toBe(0);
        release();
        await Promise.all(writes);
      });
      expect(maxMs).toBeLessThan(MAX_DELAY_MS);
    });
    const rows = await select(
      db,
      "SELECT name, position FROM subscriptions WHERE name IN ('locked', 'waiting')",
    );
    expect(rows).toEqual([
      { name: 'locked', position: 1 },
      { name: 'waiting', position: 1 },
    ]);
  });

  test('a write after one that gave up waiting for the lock is committed', async () => {
    await insert(db, 'subscriptions', [{ name: 'later', position: 0 }]);
    await duringForeignWrite(async () => {
      const signal = AbortSignal.timeout(30);
      const attempt = withAbortSignal(signal, () => db.writeStatement(() => setPosition('locked', 9)));
      await expect(attempt).rejects.toThrow('timeout');
    });
    await db.writeStatement(() => execute(db, "UPDATE subscriptions SET position = 1 WHERE name = 'later'"));
    await duringForeignWrite(async () => {
      const other = connect({ url: shop.url });
      const rows = await select(other, "SELECT position FROM subscriptions WHERE name = 'later'");
      await other.close();
      expect(rows).toEqual([{ position: 1 }]);
    });
  });

  test('runs timers during a long chain of statements', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    for (let n = 0; ticks < 5 && n < 500_000; n += 1) await select(db, 'SELECT :n AS n', { n });
    clearInterval(timer);
    expect(ticks).toBe(5);
  });

  test('is not blocked by an import of 20,000 products, and other writes take place between its chunks', async () => {
    const activities = createImportActivities(shop.store);
    const chunks = 40;
    const id = await createStoredImport(shop.store, ulid().toLowerCase(), { chunks, rowsOfChunk: 500 });
    let isImporting = true;
    let otherWrites = 0;
    const { p90Ms, maxMs } = await measureDelays('delays during an import', async () => {
      await activities.startImport(id);
      const others = (async () => {
        for (; isImporting; otherWrites += 1)
          await db.writeStatement(() => setPosition('locked', otherWrites));
      })();
      for (let chunk = 0; chunk < chunks; chunk += 1) await activities.applyChunk(id, chunk);
      await activities.finishImport(id, 'completed', null);
      isImporting = false;
      await others;
    });
    expect((await shop.store.productImports.find(id))?.created).toBe(20_000);
    // One between each two transactions of the import.
    expect(otherWrites).toBeGreaterThanOrEqual(chunks);
    expect(p90Ms).toBeLessThan(MAX_TYPICAL_DELAY_MS);
    expect(maxMs).toBeLessThan(MAX_DELAY_MS);
  });
});
