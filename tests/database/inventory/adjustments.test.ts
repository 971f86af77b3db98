import { createOrderActivities, type OrderActivities } from '../../../activities/orders';
import { execute } from '../../../db/core/sql';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { newOrder, queryNumber, queryRows, snapshotTables } from '../orders/sample-orders';
import {
  applyStockAdjustment,
  createStaffAuditContext,
  findUnexplainedStock,
  getStockLevel,
  listStockEvents,
} from './inventory';

describe.each(DIALECTS)('stock adjustments on %s', (dialect) => {
  let shop: TestStore;
  let activities: OrderActivities;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    activities = createOrderActivities(shop.store);
  });
  afterAll(() => shop.close());
  afterEach(async () => expect(await findUnexplainedStock(shop.store)).toEqual([]));

  const placeOrder = (sku: string, quantity: number) =>
    activities.createOrder({ order: newOrder([[sku, quantity]]), reserve: true });
  const listMovements = (sku: string) => shop.store.movements.list({ sku, limit: 1_000 });

  test('changes the level and records a matching movement and event', async () => {
    const before = await getStockLevel(shop.store, 'oak-desk');
    const { movement, level, replayed } = await applyStockAdjustment(
      shop.store,
      'oak-desk',
      { delta: -4 },
      { reason: 'damaged', note: 'Ada dropped them' },
    );

    expect(replayed).toBe(false);
    expect(level).toEqual({ ...before, onHand: 896 });
    expect(await getStockLevel(shop.store, 'oak-desk')).toEqual(level);
    const [newest] = await listMovements('oak-desk');
    expect(newest).toEqual({ ...movement, position: newest?.position });
    expect(movement).toMatchObject({
      onHandDelta: -4,
      onHandAfter: 896,
      reason: 'damaged',
      note: 'Ada dropped them',
      actor: 'staff:cus_w',
    });
    const [event, ...others] = await listStockEvents(shop.store, 'oak-desk');
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      type: 'StockAdjusted',
      subject: 'oak-desk',
      topic: 'inventory-events',
      actor: 'staff:cus_w',
      data: { movementId: movement.id, warehouse: 'BER', onHandDelta: -4, onHandAfter: 896, reserved: 0 },
    });
    expect(JSON.stringify(event)).not.toContain('Ada');
  });

  test('rejects a delta or a count that leaves fewer units than are reserved, and changes nothing', async () => {
    await applyStockAdjustment(shop.store, 'gooseneck-kettle', { delta: 10 });
    await placeOrder('gooseneck-kettle', 7);
    const before = await snapshotTables(shop.db);
    for (const change of [{ delta: -4 }, { countedOnHand: 6 }]) {
      await expect(applyStockAdjustment(shop.store, 'gooseneck-kettle', change)).rejects.toMatchObject({
        code: 'stock_reserved',
        extensions: { onHand: 10, reserved: 7, available: 3 },
      });
    }
    expect(await snapshotTables(shop.db)).toEqual(before);
    expect(await listMovements('gooseneck-kettle')).toHaveLength(3);
  });

  test('a count sets the units on hand and is recorded even without a difference', async () => {
    await applyStockAdjustment(shop.store, 'turntable', { countedOnHand: 215 });
    await applyStockAdjustment(shop.store, 'turntable', { countedOnHand: 215 });
    const newest = (await listMovements('turntable')).slice(0, 2);
    expect(newest.map(({ onHandDelta, reason }) => [onHandDelta, reason])).toEqual([
      [0, 'count'],
      [-5, 'count'],
    ]);
  });

  test('the first units of a product create its stock row, which orders then reserve', async () => {
    await addProduct('new-lamp');
    await applyStockAdjustment(
      shop.store,
      'new-lamp',
      { delta: 3 },
      { reason: 'received', warehouse: 'RTM' },
    );
    expect(await shop.store.stock.findLevels(['new-lamp'])).toEqual([
      { sku: 'new-lamp', warehouse: 'RTM', onHand: 3, reserved: 0, active: true },
    ]);
    expect((await placeOrder('new-lamp', 3)).outcome).toBe('created');
    expect((await placeOrder('new-lamp', 1)).outcome).toBe('rejected');
  });

  test('rejects an unknown product or warehouse and stores nothing', async () => {
    await expect(applyStockAdjustment(shop.store, 'ghost', { delta: 1 })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(
      applyStockAdjustment(shop.store, 'oak-desk', { delta: 1 }, { warehouse: 'MOON' }),
    ).rejects.toMatchObject({
      code: 'unknown_warehouse',
    });
    expect(await shop.store.stockItems.find(['ghost'])).toEqual([]);
  });

  test('replays the response for the same idempotency key and rejects the key for another request', async () => {
    const first = await applyStockAdjustment(
      shop.store,
      'wall-clock',
      { delta: 5 },
      { key: 'once', note: 'a pallet' },
    );
    await placeOrder('wall-clock', 2);
    const before = await snapshotTables(shop.db);
    const replay = await applyStockAdjustment(
      shop.store,
      'wall-clock',
      { delta: 5 },
      { key: 'once', note: 'a pallet' },
    );
    expect(replay).toEqual({ ...first, replayed: true });
    for (const sku of ['wall-clock', 'desk-mat']) {
      await expect(
        applyStockAdjustment(shop.store, sku, { delta: 6 }, { key: 'once', bodyHash: 'other' }),
      ).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    }
    expect(await snapshotTables(shop.db)).toEqual(before);
  });

  test('ten concurrent requests with one key have one effect, for the first units of a product and for a removal', async () => {
    await addProduct('new-chair');
    const adjustTenTimes = (change: { delta: number }, key: string) =>
      Promise.all(
        Array.from({ length: 10 }, () => applyStockAdjustment(shop.store, 'new-chair', change, { key })),
      );
    for (const [delta, key] of [
      [9, 'fill'],
      [-5, 'remove'],
    ] as const) {
      const results = await adjustTenTimes({ delta }, key);
      expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(new Set(results.map(({ movement }) => movement.id)).size).toBe(1);
      expect(new Set(results.map(({ level }) => level.onHand)).size).toBe(1);
    }
    expect((await getStockLevel(shop.store, 'new-chair'))?.onHand).toBe(4);
  });

  test('one key for two products concurrently gives one adjustment and one rejection', async () => {
    const [desk, chair] = await Promise.allSettled([
      applyStockAdjustment(shop.store, 'desk-mat', { delta: 1 }, { key: 'shared', bodyHash: 'desk' }),
      applyStockAdjustment(shop.store, 'coat-rack', { delta: 1 }, { key: 'shared', bodyHash: 'chair' }),
    ]);
    expect([desk.status, chair.status].sort()).toEqual(['fulfilled', 'rejected']);
    const rejected = [desk, chair].find((result) => result.status === 'rejected');
    expect(rejected?.reason).toMatchObject({ code: 'idempotency_key_reused' });
  });

  test('concurrent adjustments and orders never oversell, and movements explain every unit', async () => {
    const sku = 'limited-50';
    const results = await Promise.all(
      Array.from({ length: 120 }, async (_, i) => {
        if (i % 3 === 0) return (await placeOrder(sku, 1)).outcome;
        const change = { delta: i % 2 === 0 ? 1 : -2 };
        const warehouse = i % 4 === 0 ? 'RTM' : 'BER';
        return applyStockAdjustment(shop.store, sku, change, { warehouse }).then(
          () => 'adjusted',
          (error: { code: string }) => error.code,
        );
      }),
    );
    expect(new Set(results)).toEqual(
      new Set(['created', 'adjusted', 'stock_reserved'].filter((a) => results.includes(a))),
    );
    const sold = results.filter((a) => a === 'created').length;
    expect(await queryNumber(shop.db, `SELECT SUM(reserved) FROM stock WHERE sku = '${sku}'`)).toBe(sold);
    const movements = await listMovements(sku);
    expect(movements.filter(({ reason }) => reason !== 'opening')).toHaveLength(
      results.filter((a) => a === 'adjusted').length,
    );
  });

  test('a count concurrent with orders sets the counted units and retains every reservation', async () => {
    const sku = 'book-light';
    const [count, ...orders] = await Promise.all([
      applyStockAdjustment(shop.store, sku, { countedOnHand: 470 }),
      ...Array.from({ length: 40 }, () => placeOrder(sku, 3)),
      applyStockAdjustment(shop.store, sku, { delta: 7 }),
    ]);
    expect(count.movement.onHandAfter).toBe(470);
    expect(orders).toHaveLength(41);
    const levels = await shop.store.stock.findLevels([sku]);
    expect(levels.reduce((sum, { reserved }) => sum + reserved, 0)).toBe(120);
    const { onHand } = (await getStockLevel(shop.store, sku)) as { onHand: number };
    expect([470, 477]).toContain(onHand);
  });

  test('concurrent first units of a product in two warehouses are both available', async () => {
    await addProduct('new-mug');
    await Promise.all(
      ['BER', 'RTM'].map((warehouse) =>
        applyStockAdjustment(shop.store, 'new-mug', { delta: 6 }, { warehouse }),
      ),
    );
    expect((await placeOrder('new-mug', 12)).outcome).toBe('created');
  });

  test.each([
    'UPDATE stock_movements SET on_hand_delta = 0',
    "UPDATE stock_movements SET note = 'x'",
    'DELETE FROM stock_movements',
  ])('the database rejects %s', async (sql) => {
    await expect(shop.db.write((tx) => execute(shop.db, sql, {}, tx))).rejects.toThrow(
      'stock_movements is append-only',
    );
  });

  const addProduct = (sku: string) =>
    shop.db.write((tx) =>
      execute(
        shop.db,
        `INSERT INTO products (sku, name, description, price_minor, currency, tax_class, weight_grams, attributes,
           created_at_ms, updated_at_ms)
         VALUES (:sku, 'New', 'New', 1, 'EUR', 'standard', 1, '{}', :atMs, :atMs)`,
        { sku, atMs: createStaffAuditContext().atMs },
        tx,
      ),
    );

  test('lists movements newest first, page by page', async () => {
    for (let n = 1; n <= 5; n += 1) await applyStockAdjustment(shop.store, 'paper-lantern', { delta: n });
    const all = await listMovements('paper-lantern');
    expect(all.map(({ onHandDelta }) => onHandDelta)).toEqual([5, 4, 3, 2, 1, 0, 1700]);
    const [first, second] = await shop.store.movements.list({ sku: 'paper-lantern', limit: 2 });
    const next = await shop.store.movements.list({
      sku: 'paper-lantern',
      before: second?.position as number,
      limit: 2,
    });
    expect([first, second, ...next]).toEqual(all.slice(0, 4));
    expect(await queryRows(shop.db, "SELECT id FROM stock_movements WHERE sku = 'ghost'")).toEqual([]);
  });
});
