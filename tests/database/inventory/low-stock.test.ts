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
  let activities: OrderActivities;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    activities = createOrderActivities(shop.store);
  });
  afterAll(() => shop.close());
  afterEach(async () => expect(await findUnexplainedStock(shop.store)).toEqual([]));

  const reserve = (order: Order) => activities.createOrder({ order, reserve: true });
  const release = (order: Order) => activities.releaseStock({ orderId: order.id, atMs: Date.now() });
  const listAlerts = (sku: string) => listStockAlertTypes(shop.store, sku);
  const countAvailable = (sku: string) =>
    queryNumber(shop.db, `SELECT SUM(on_hand - reserved) FROM stock WHERE sku = '${sku}'`);
  const getItem = async (sku: string) => (await shop.store.stockItems.find([sku]))[0];

  test('40 concurrent orders below the threshold raise one alert, and their release resolves it once', async () => {
    const sku = 'lounge-chair';
    await setStockThreshold(shop.store, sku, 520);
    const orders = Array.from({ length: 40 }, () => newOrder([[sku, 1]]));

    const results = await Promise.all(orders.map(reserve));

    expect(results.every(({ outcome }) => outcome === 'created')).toBe(true);
    expect(await listAlerts(sku)).toEqual([LOW]);
    expect((await listStockEvents(shop.store, sku)).at(-1)).toMatchObject({
      id: `stock:${sku}:low:1`,
      subject: sku,
      topic: 'inventory-events',
      data: { sku, available: 520, threshold: 520 },
    });
    expect(await getItem(sku)).toMatchObject({ lowSinceMs: expect.any(Number), crossings: 1 });

    await Promise.all(orders.map(release));

    expect(await listAlerts(sku)).toEqual([LOW, REPLENISHED]);
    expect(await getItem(sku)).toMatchObject({ lowSinceMs: null, crossings: 1 });
    await reserve(newOrder([[sku, 100]]));
    expect(await listAlerts(sku)).toEqual([LOW, REPLENISHED, LOW]);
    expect((await listStockEvents(shop.store, sku)).at(-1)?.id).toBe(`stock:${sku}:low:2`);
  });

  test('concurrent orders and releases alternate low and replenished alerts, and the last one is correct', async () => {
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
    const alerts = await listAlerts(sku);
    expect(alerts).toEqual(alerts.map((_, i) => (i % 2 === 0 ? LOW : REPLENISHED)));
    const available = await countAvailable(sku);
    expect(alerts.at(-1) === LOW).toBe(available <= 30);
    expect((await getItem(sku))?.lowSinceMs !== null).toBe(available <= 30);
  });

  test('the alerts of a delayed order have the times of its reservation and release, in stream order', async () => {
    const sku = 'book-bread';
    const hourAgoMs = Date.now() - 3_600_000;
    const available = await countAvailable(sku);
    await applyStockAdjustment(shop.store, sku, { delta: 1 });
    await setStockThreshold(shop.store, sku, available);
    const order = { ...newOrder([[sku, 1]]), placedAtMs: hourAgoMs, updatedAtMs: hourAgoMs };
    await reserve(order);
    expect((await getItem(sku))?.lowSinceMs).toBeGreaterThan(hourAgoMs);
    await activities.releaseStock({ orderId: order.id, atMs: hourAgoMs });

    const events = await listStockEvents(shop.store, sku);
    expect(events.map(({ type }) => type).slice(-2)).toEqual([LOW, REPLENISHED]);
    const times = events.map(({ time }) => time);
    expect(times).toEqual(times.toSorted());
  });

  test('a retried activity raises no second alert', async () => {
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
    expect(await listAlerts(sku)).toEqual([LOW, REPLENISHED]);
  });

  test('an order that is out of stock raises no alert', async () => {
    await setStockThreshold(shop.store, 'floor-lamp', 1_159);
    await reserve(
      newOrder([
        ['floor-lamp', 5],
        ['limited-1', 2],
      ]),
    );
    expect(await listAlerts('floor-lamp')).toEqual([]);
  });

  test('orders over several thresholds raise one alert each, in either line order without deadlock', async () => {
    const skus = ['carafe', 'bookshelf', 'desk-lamp'];
    for (const sku of skus) {
      const units = await queryNumber(shop.db, `SELECT SUM(on_hand) FROM stock WHERE sku = '${sku}'`);
      await setStockThreshold(shop.store, sku, units - 20);
    }
    const orders = Array.from({ length: 40 }, (_, i) =>
      newOrder((i % 2 === 0 ? skus : skus.toReversed()).map((sku) => [sku, 1])),
    );
    await Promise.all(orders.map(reserve));
    for (const sku of skus) expect(await listAlerts(sku)).toEqual([LOW]);
    await Promise.all(orders.map(release));
    for (const sku of skus) expect(await listAlerts(sku)).toEqual([LOW, REPLENISHED]);
  });

  test('an adjustment raises and resolves an alert', async () => {
    const sku = 'coffee-grinder';
    await setStockThreshold(shop.store, sku, 1_000);
    await applyStockAdjustment(shop.store, sku, { countedOnHand: 300 });
    expect((await listStockEvents(shop.store, sku)).at(-1)).toMatchObject({
      type: LOW,
      actor: 'staff:cus_w',
      data: { available: 980 },
    });
    await applyStockAdjustment(shop.store, sku, { delta: 21 });
    expect(await listAlerts(sku)).toEqual([LOW, REPLENISHED]);
  });

  test('concurrent first units in two warehouses are summed', async () => {
    const sku = 'headphones';
    await applyStockAdjustment(shop.store, sku, { countedOnHand: 0 });
    await applyStockAdjustment(shop.store, sku, { countedOnHand: 0 }, { warehouse: 'RTM' });
    await setStockThreshold(shop.store, sku, 10);
    await Promise.all(
      ['BER', 'RTM'].map((warehouse) => applyStockAdjustment(shop.store, sku, { delta: 6 }, { warehouse })),
    );
    expect(await listAlerts(sku)).toEqual([LOW, REPLENISHED]);
  });

  test('setting, changing or removing a threshold raises or resolves the alert; an unchanged threshold has no effect', async () => {
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

  test('closing a warehouse removes its units from the available ones, and opening adds them again', async () => {
    const sku = 'pendant-lamp';
    await setStockThreshold(shop.store, sku, 900);
    await setWarehouseActive(shop.store, 'RTM', false);
    expect((await listStockEvents(shop.store, sku)).at(-1)).toMatchObject({
      type: LOW,
      data: { available: 700 },
    });
    await setWarehouseActive(shop.store, 'RTM', false);
    await setWarehouseActive(shop.store, 'RTM', true);
    expect(await listAlerts(sku)).toEqual([LOW, REPLENISHED]);
  });

  test('the last alert is correct after concurrent thresholds and orders', async () => {
    const sku = 'saucepan';
    const orders = Array.from({ length: 30 }, () => newOrder([[sku, 1]]));
    await Promise.all([
      ...orders.map(reserve),
      ...[1_990, 1_980, 1_950, 1_985].map((threshold) => setStockThreshold(shop.store, sku, threshold)),
    ]);
    const item = await getItem(sku);
    const alerts = await listAlerts(sku);
    expect(alerts).toEqual(alerts.map((_, i) => (i % 2 === 0 ? LOW : REPLENISHED)));
    expect(alerts.at(-1) === LOW).toBe(1_970 <= (item?.threshold ?? 0));
    expect(item?.lowSinceMs !== null).toBe(1_970 <= (item?.threshold ?? 0));
  });

  test('lists low stock, lowest for the longest time first, page by page', async () => {
    const all = await shop.store.stockItems.listLow({ limit: 100 });
    expect(all.length).toBeGreaterThan(1);
    expect(all).toEqual(all.toSorted((a, b) => a.lowSinceMs - b.lowSinceMs || (a.sku < b.sku ? -1 : 1)));
    const [first] = await shop.store.stockItems.listLow({ limit: 1 });
    const others = await shop.store.stockItems.listLow({ after: first!, limit: 100 });
    expect([first, ...others]).toEqual(all);
  });
});
