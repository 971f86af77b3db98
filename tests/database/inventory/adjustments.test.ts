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

describe.each(DIALECTS)('adjustments of stock on %s', (dialect) => {
  let shop: TestStore;
  let steps: OrderActivities;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    steps = createOrderActivities(shop.store);
  });
  afterAll(() => shop.close());
  afterEach(async () => expect(await findUnexplainedStock(shop.store)).toEqual([]));

  const order = (sku: string, quantity: number) =>
    steps.createOrder({ order: newOrder([[sku, quantity]]), reserve: true });
  const movementsOf = (sku: string) => shop.store.movements.list({ sku, limit: 1_000 });

  test('the level, the movement and the event are changed together and say the same', async () => {
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
    const [newest] = await movementsOf('oak-desk');
    expect(newest).toEqual({ ...movement, position: newest?.position });
    expect(movement).toMatchObject({
      onHandDelta: -4,
      onHandAfter: 896,
      reason: 'damaged',
      note: 'Ada dropped them',
      actor: 'staff:cus_w',
    });
    const [told, ...others] = await listStockEvents(shop.store, 'oak-desk');
    expect(others).toEqual([]);
    expect(told).toMatchObject({
      type: 'StockAdjusted',
      subject: 'oak-desk',
      topic: 'inventory-events',
      actor: 'staff:cus_w',
      data: { movementId: movement.id, warehouse: 'BER', onHandDelta: -4, onHandAfter: 896, reserved: 0 },
    });
    expect(JSON.stringify(told)).not.toContain('Ada');
  });

  test('fewer than are reserved cannot be left, by a change or by a count, and nothing is changed', async () => {
    await applyStockAdjustment(shop.store, 'gooseneck-kettle', { delta: 10 });
    await order('gooseneck-kettle', 7);
    const before = await snapshotTables(shop.db);
    for (const change of [{ delta: -4 }, { countedOnHand: 6 }]) {
      await expect(applyStockAdjustment(shop.store, 'gooseneck-kettle', change)).rejects.toMatchObject({
        code: 'stock_reserved',
        extensions: { onHand: 10, reserved: 7, available: 3 },
      });
    }
    expect(await snapshotTables(shop.db)).toEqual(before);
    expect(await movementsOf('gooseneck-kettle')).toHaveLength(3);
  });

  test('a count sets what is there, and is written down also when it finds what was expected', async () => {
    await applyStockAdjustment(shop.store, 'turntable', { countedOnHand: 215 });
    await applyStockAdjustment(shop.store, 'turntable', { countedOnHand: 215 });
    const newest = (await movementsOf('turntable')).slice(0, 2);
    expect(newest.map(({ onHandDelta, reason }) => [onHandDelta, reason])).toEqual([
      [0, 'count'],
      [-5, 'count'],
    ]);
  });

  test('the first units of a product make its stock, which orders then see', async () => {
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
    expect((await order('new-lamp', 3)).outcome).toBe('recorded');
    expect((await order('new-lamp', 1)).outcome).toBe('out_of_stock');
  });

  test('a product or a warehouse that does not exist is refused, and nothing is left behind', async () => {
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

  test('sent again with its key it is answered as before and changes nothing; the key is good for nothing else', async () => {
    const first = await applyStockAdjustment(
      shop.store,
      'wall-clock',
      { delta: 5 },
      { key: 'once', note: 'a pallet' },
    );
    await order('wall-clock', 2);
    const before = await snapshotTables(shop.db);
    const again = await applyStockAdjustment(
      shop.store,
      'wall-clock',
      { delta: 5 },
      { key: 'once', note: 'a pallet' },
    );
    expect(again).toEqual({ ...first, replayed: true });
    for (const sku of ['wall-clock', 'desk-mat']) {
      await expect(
        applyStockAdjustment(shop.store, sku, { delta: 6 }, { key: 'once', bodyHash: 'other' }),
      ).rejects.toMatchObject({ code: 'idempotency_key_reused' });
    }
    expect(await snapshotTables(shop.db)).toEqual(before);
  });

  test('ten at once with one key are one, also the first of a product and one that could not be done twice', async () => {
    await addProduct('new-chair');
    const tenTimes = (change: { delta: number }, key: string) =>
      Promise.all(
        Array.from({ length: 10 }, () => applyStockAdjustment(shop.store, 'new-chair', change, { key })),
      );
    for (const [delta, key] of [
      [9, 'fill'],
      [-5, 'take'],
    ] as const) {
      const answers = await tenTimes({ delta }, key);
      expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(new Set(answers.map(({ movement }) => movement.id)).size).toBe(1);
      expect(new Set(answers.map(({ level }) => level.onHand)).size).toBe(1);
    }
    expect((await getStockLevel(shop.store, 'new-chair'))?.onHand).toBe(4);
  });

  test('one key for two products at once is one adjustment and one refusal', async () => {
    const [desk, chair] = await Promise.allSettled([
      applyStockAdjustment(shop.store, 'desk-mat', { delta: 1 }, { key: 'shared', bodyHash: 'desk' }),
      applyStockAdjustment(shop.store, 'coat-rack', { delta: 1 }, { key: 'shared', bodyHash: 'chair' }),
    ]);
    expect([desk.status, chair.status].sort()).toEqual(['fulfilled', 'rejected']);
    const refused = [desk, chair].find((answer) => answer.status === 'rejected');
    expect(refused?.reason).toMatchObject({ code: 'idempotency_key_reused' });
  });

  test('adjustments and orders over the same rows at once: never negative, never oversold, every unit explained', async () => {
    const sku = 'limited-50';
    const answers = await Promise.all(
      Array.from({ length: 120 }, async (_, i) => {
        if (i % 3 === 0) return (await order(sku, 1)).outcome;
        const change = { delta: i % 2 === 0 ? 1 : -2 };
        const warehouse = i % 4 === 0 ? 'RTM' : 'BER';
        return applyStockAdjustment(shop.store, sku, change, { warehouse }).then(
          () => 'adjusted',
          (error: { code: string }) => error.code,
        );
      }),
    );
    expect(new Set(answers)).toEqual(
      new Set(['recorded', 'adjusted', 'stock_reserved'].filter((a) => answers.includes(a))),
    );
    const sold = answers.filter((a) => a === 'recorded').length;
    expect(await queryNumber(shop.db, `SELECT SUM(reserved) FROM stock WHERE sku = '${sku}'`)).toBe(sold);
    const moved = await movementsOf(sku);
    expect(moved.filter(({ reason }) => reason !== 'opening')).toHaveLength(
      answers.filter((a) => a === 'adjusted').length,
    );
  });

  test('a count while orders run leaves what was counted, and every order has what it was promised', async () => {
    const sku = 'book-light';
    const [count, ...orders] = await Promise.all([
      applyStockAdjustment(shop.store, sku, { countedOnHand: 470 }),
      ...Array.from({ length: 40 }, () => order(sku, 3)),
      applyStockAdjustment(shop.store, sku, { delta: 7 }),
    ]);
    expect(count.movement.onHandAfter).toBe(470);
    expect(orders).toHaveLength(41);
    const levels = await shop.store.stock.findLevels([sku]);
    expect(levels.reduce((sum, { reserved }) => sum + reserved, 0)).toBe(120);
    const { onHand } = (await getStockLevel(shop.store, sku)) as { onHand: number };
    expect([470, 477]).toContain(onHand);
  });

  test('two first rows of a product in two warehouses at once are both seen', async () => {
    await addProduct('new-mug');
    await Promise.all(
      ['BER', 'RTM'].map((warehouse) =>
        applyStockAdjustment(shop.store, 'new-mug', { delta: 6 }, { warehouse }),
      ),
    );
    expect((await order('new-mug', 12)).outcome).toBe('recorded');
  });

  test.each([
    'UPDATE stock_movements SET on_hand_delta = 0',
    "UPDATE stock_movements SET note = 'x'",
    'DELETE FROM stock_movements',
  ])('the database itself refuses %s', async (sql) => {
    await expect(shop.db.write((tx) => execute(shop.db, sql, {}, tx))).rejects.toThrow(
      'stock_movements only grows',
    );
  });

  const addProduct = (sku: string) =>
    shop.db.write((tx) =>
      execute(
        shop.db,
        `INSERT INTO products (sku, name, description, price_minor, currency, tax_class, weight_grams, updated_at_ms)
         VALUES (:sku, 'New', 'New', 1, 'EUR', 'standard', 1, :atMs)`,
        { sku, atMs: createStaffAuditContext().atMs },
        tx,
      ),
    );

  test('movements are listed newest first, page by page', async () => {
    for (let n = 1; n <= 5; n += 1) await applyStockAdjustment(shop.store, 'paper-lantern', { delta: n });
    const all = await movementsOf('paper-lantern');
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
