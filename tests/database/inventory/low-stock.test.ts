import { createOrderActivities, type OrderActivities } from '../../../activities/orders';
import type { Order } from '../../../domain/orders/order';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { newOrder, queryNumber, snapshotTables } from '../orders/sample-orders';
import {
  applyStockAdjustment,
  findUnexplainedStock,
  listStockAlertTypes,
  listStockEvents,
  setStockThreshold,
  setWarehouseActive,
} from './inventory';

const LOW = 'InventoryLow';
const REPLENISHED = 'InventoryReplenished';

describe.each(DIALECTS)('low stock on %s', (dialect) => {
  let shop: TestStore;
  let steps: OrderActivities;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    steps = createOrderActivities(shop.store);
  });
  afterAll(() => shop.close());
  afterEach(async () => expect(await findUnexplainedStock(shop.store)).toEqual([]));

  const reserve = (order: Order) => steps.createOrder({ order, reserve: true });
  const release = (order: Order) => steps.releaseStock({ orderId: order.id, atMs: Date.now() });
  const crossings = (sku: string) => listStockAlertTypes(shop.store, sku);
  const availableOf = (sku: string) =>
    queryNumber(shop.db, `SELECT SUM(on_hand - reserved) FROM stock WHERE sku = '${sku}'`);
  const item = async (sku: string) => (await shop.store.stockItems.find([sku]))[0];

  test('40 orders at once across the threshold tell of it once, and once that it is over; then it counts anew', async () => {
    const sku = 'lounge-chair';
    await setStockThreshold(shop.store, sku, 520);
    const orders = Array.from({ length: 40 }, () => newOrder([[sku, 1]]));

    const answers = await Promise.all(orders.map(reserve));

    expect(answers.every(({ outcome }) => outcome === 'recorded')).toBe(true);
    expect(await crossings(sku)).toEqual([LOW]);
    expect((await listStockEvents(shop.store, sku)).at(-1)).toMatchObject({
      id: `stock:${sku}:low:1`,
      subject: sku,
      topic: 'inventory-events',
      data: { sku, available: 520, threshold: 520 },
    });
    expect(await item(sku)).toMatchObject({ lowSinceMs: expect.any(Number), crossings: 1 });

    await Promise.all(orders.map(release));

    expect(await crossings(sku)).toEqual([LOW, REPLENISHED]);
    expect(await item(sku)).toMatchObject({ lowSinceMs: null, crossings: 1 });
    await reserve(newOrder([[sku, 100]]));
    expect(await crossings(sku)).toEqual([LOW, REPLENISHED, LOW]);
    expect((await listStockEvents(shop.store, sku)).at(-1)?.id).toBe(`stock:${sku}:low:2`);
  });

  test('orders and their undoing at once: low and replenished are told in turns, and the last one is true', async () => {
    const sku = 'rattan-armchair';
    await applyStockAdjustment(shop.store, sku, { delta: 60 });
    await setStockThreshold(shop.store, sku, 30);
    const orders = Array.from({ length: 60 }, () => newOrder([[sku, 1]]));
    await Promise.all(
      orders.map(async (order, i) => {
        await reserve(order);
        if (i % 2 === 0) await release(order);
        if (i % 10 === 0)
          await applyStockAdjustment(shop.store, sku, { delta: i % 20 === 0 ? 2 : -2 }).catch(
            () => undefined,
          );
      }),
    );
    const told = await crossings(sku);
    expect(told).toEqual(told.map((_, i) => (i % 2 === 0 ? LOW : REPLENISHED)));
    const available = await availableOf(sku);
    expect(told.at(-1) === LOW).toBe(available <= 30);
    expect((await item(sku))?.lowSinceMs !== null).toBe(available <= 30);
  });

  test('an order that waited is told of when it takes its stock and when it gives it back, in the order of the stream', async () => {
    const sku = 'book-bread';
    const hourAgoMs = Date.now() - 3_600_000;
    const available = await availableOf(sku);
    await applyStockAdjustment(shop.store, sku, { delta: 1 });
    await setStockThreshold(shop.store, sku, available);
    const order = { ...newOrder([[sku, 1]]), placedAtMs: hourAgoMs, updatedAtMs: hourAgoMs };
    await reserve(order);
    expect((await item(sku))?.lowSinceMs).toBeGreaterThan(hourAgoMs);
    await steps.releaseStock({ orderId: order.id, atMs: hourAgoMs });

    const told = await listStockEvents(shop.store, sku);
    expect(told.map(({ type }) => type).slice(-2)).toEqual([LOW, REPLENISHED]);
    const times = told.map(({ time }) => time);
    expect(times).toEqual(times.toSorted());
  });

  test('a step that runs again tells nothing twice', async () => {
    const sku = 'task-chair';
    await setStockThreshold(shop.store, sku, 1_745);
    const order = newOrder([[sku, 10]]);
    await reserve(order);
    const reserved = await snapshotTables(shop.db);
    await reserve(order);
    expect(await snapshotTables(shop.db)).toEqual(reserved);
    await release(order);
    const released = await snapshotTables(shop.db);
    await Promise.all([release(order), release(order)]);
    expect(await snapshotTables(shop.db)).toEqual(released);
    expect(await crossings(sku)).toEqual([LOW, REPLENISHED]);
  });

  test('an order that is short of something crosses nothing', async () => {
    await setStockThreshold(shop.store, 'floor-lamp', 1_159);
    await reserve(
      newOrder([
        ['floor-lamp', 5],
        ['limited-1', 2],
      ]),
    );
    expect(await crossings('floor-lamp')).toEqual([]);
  });

  test('an order over several thresholds tells of each, and orders that name them the other way round go through', async () => {
    const skus = ['carafe', 'bookshelf', 'desk-lamp'];
    for (const sku of skus) {
      const units = await queryNumber(shop.db, `SELECT SUM(on_hand) FROM stock WHERE sku = '${sku}'`);
      await setStockThreshold(shop.store, sku, units - 20);
    }
    const orders = Array.from({ length: 40 }, (_, i) =>
      newOrder((i % 2 === 0 ? skus : skus.toReversed()).map((sku) => [sku, 1])),
    );
    await Promise.all(orders.map(reserve));
    for (const sku of skus) expect(await crossings(sku)).toEqual([LOW]);
    await Promise.all(orders.map(release));
    for (const sku of skus) expect(await crossings(sku)).toEqual([LOW, REPLENISHED]);
  });

  test('an adjustment crosses both ways', async () => {
    const sku = 'coffee-grinder';
    await setStockThreshold(shop.store, sku, 1_000);
    await applyStockAdjustment(shop.store, sku, { countedOnHand: 300 });
    expect((await listStockEvents(shop.store, sku)).at(-1)).toMatchObject({
      type: LOW,
      actor: 'staff:cus_w',
      data: { available: 980 },
    });
    await applyStockAdjustment(shop.store, sku, { delta: 21 });
    expect(await crossings(sku)).toEqual([LOW, REPLENISHED]);
  });

  test('first units in two warehouses at once are added up', async () => {
    const sku = 'headphones';
    await applyStockAdjustment(shop.store, sku, { countedOnHand: 0 });
    await applyStockAdjustment(shop.store, sku, { countedOnHand: 0 }, { warehouse: 'RTM' });
    await setStockThreshold(shop.store, sku, 10);
    await Promise.all(
      ['BER', 'RTM'].map((warehouse) => applyStockAdjustment(shop.store, sku, { delta: 6 }, { warehouse })),
    );
    expect(await crossings(sku)).toEqual([LOW, REPLENISHED]);
  });

  test('a threshold crosses when it is set, moved or taken away; the same again is nothing', async () => {
    const sku = 'pour-over-set';
    expect(await setStockThreshold(shop.store, sku, 2_000)).toMatchObject({
      threshold: 2_000,
      lowSinceMs: expect.any(Number),
    });
    await setStockThreshold(shop.store, sku, 2_000);
    await setStockThreshold(shop.store, sku, 1_999);
    await setStockThreshold(shop.store, sku, 3_000);
    expect(await setStockThreshold(shop.store, sku, null)).toMatchObject({
      threshold: null,
      lowSinceMs: null,
    });
    expect((await listStockEvents(shop.store, sku)).map(({ type, data }) => [type, data.threshold])).toEqual([
      ['StockThresholdSet', 2_000],
      [LOW, 2_000],
      ['StockThresholdSet', 1_999],
      [REPLENISHED, 1_999],
      ['StockThresholdSet', 3_000],
      [LOW, 3_000],
      ['StockThresholdSet', null],
      [REPLENISHED, null],
    ]);
  });

  test('a warehouse that is closed takes its units away from what is available, and gives them back', async () => {
    const sku = 'pendant-lamp';
    await setStockThreshold(shop.store, sku, 900);
    await setWarehouseActive(shop.store, 'RTM', false);
    expect((await listStockEvents(shop.store, sku)).at(-1)).toMatchObject({
      type: LOW,
      data: { available: 700 },
    });
    await setWarehouseActive(shop.store, 'RTM', false);
    await setWarehouseActive(shop.store, 'RTM', true);
    expect(await crossings(sku)).toEqual([LOW, REPLENISHED]);
  });

  test('thresholds and orders at once: what is told last is true', async () => {
    const sku = 'saucepan';
    const orders = Array.from({ length: 30 }, () => newOrder([[sku, 1]]));
    await Promise.all([
      ...orders.map(reserve),
      ...[1_990, 1_980, 1_950, 1_985].map((threshold) => setStockThreshold(shop.store, sku, threshold)),
    ]);
    const now = await item(sku);
    const told = await crossings(sku);
    expect(told).toEqual(told.map((_, i) => (i % 2 === 0 ? LOW : REPLENISHED)));
    expect(told.at(-1) === LOW).toBe(1_970 <= (now?.threshold ?? 0));
    expect(now?.lowSinceMs !== null).toBe(1_970 <= (now?.threshold ?? 0));
  });

  test('what is low is listed, for longest first, page by page', async () => {
    const all = await shop.store.stockItems.listLow({ limit: 100 });
    expect(all.length).toBeGreaterThan(1);
    expect(all).toEqual(all.toSorted((a, b) => a.lowSinceMs - b.lowSinceMs || (a.sku < b.sku ? -1 : 1)));
    const [first] = await shop.store.stockItems.listLow({ limit: 1 });
    const rest = await shop.store.stockItems.listLow({ after: first!, limit: 100 });
    expect([first, ...rest]).toEqual(all);
  });
});
