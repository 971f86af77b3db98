import { createOrderActivities, type OrderActivities } from '../../../activities/orders';
import { detectStockAlert, sumAvailableUnits } from '../../../domain/inventory/stock-item';
import type { Order } from '../../../domain/orders/order';
import { createWarehouse, updateWarehouse } from '../../../services/inventory/warehouses';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { newOrder, queryNumber } from '../orders/sample-orders';
import {
  applyStockAdjustment,
  createStaffAuditContext,
  getStockLevel,
  listStockAlertTypes,
  listStreamEvents,
  setStockThreshold,
  setWarehouseActive,
} from './inventory';

describe.each(DIALECTS)('warehouses on %s', (dialect) => {
  let shop: TestStore;
  let activities: OrderActivities;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    activities = createOrderActivities(shop.store);
  });
  afterAll(() => shop.close());
  beforeEach(() => setWarehouseActive(shop.store, 'RTM', true));

  const reserve = (order: Order) => activities.createOrder({ order, reserve: true });
  const release = (order: Order) => activities.releaseStock({ orderId: order.id, atMs: Date.now() });
  const countReserved = (warehouse: string) =>
    queryNumber(shop.db, `SELECT COALESCE(SUM(reserved), 0) FROM stock WHERE warehouse = '${warehouse}'`);

  test('a closed warehouse serves no order, retains its units and releases its reservations', async () => {
    const earlierOrder = newOrder([['wall-shelf', 1_500]]);
    await reserve(earlierOrder);
    const level = await getStockLevel(shop.store, 'wall-shelf', 'RTM');
    await setWarehouseActive(shop.store, 'RTM', false);

    expect(await getStockLevel(shop.store, 'wall-shelf', 'RTM')).toEqual({ ...level, active: false });
    expect(await reserve(newOrder([['counter-stool', 1]]))).toMatchObject({
      outcome: 'rejected',
      rejection: { shortages: [{ available: 0 }] },
    });
    await release(earlierOrder);
    expect((await getStockLevel(shop.store, 'wall-shelf', 'RTM'))?.reserved).toBe(0);
    await applyStockAdjustment(shop.store, 'counter-stool', { delta: 1 }, { warehouse: 'RTM' });

    await setWarehouseActive(shop.store, 'RTM', true);
    expect((await reserve(newOrder([['counter-stool', 721]]))).outcome).toBe('created');
  });

  test('the first units of a product in a closed warehouse are unavailable until it opens', async () => {
    await createWarehouse(
      shop.store,
      { code: 'OSL', name: 'Oslo', country: 'NO', active: false },
      createStaffAuditContext(),
    );
    await applyStockAdjustment(shop.store, 'limited-1', { delta: 5 }, { warehouse: 'OSL' });
    expect((await reserve(newOrder([['limited-1', 2]]))).outcome).toBe('rejected');
    await setWarehouseActive(shop.store, 'OSL', true);
    expect((await reserve(newOrder([['limited-1', 5]]))).outcome).toBe('created');
  });

  test('no reservation is made in a warehouse after its closing completes, even with concurrent orders', async () => {
    let reservedWhenClosed = Number.NaN;
    const close = async () => {
      await setWarehouseActive(shop.store, 'RTM', false);
      reservedWhenClosed = await countReserved('RTM');
    };
    const skus = ['oak-desk', 'monitor-stand', 'cable-tray', 'clip-lamp'];
    const orders = Array.from({ length: 60 }, (_, i) =>
      newOrder([
        [skus[i % 4] as string, 5],
        // Only Rotterdam stocks it: the whole order would come from there.
        ['counter-stool', i % 2 === 0 ? 1 : 2],
      ]),
    );
    const results = await Promise.all([
      ...orders.slice(0, 30).map(reserve),
      close(),
      ...orders.slice(30).map(reserve),
    ]);
    expect(await countReserved('RTM')).toBe(reservedWhenClosed);
    expect(results.filter((result) => result?.outcome === 'created').length).toBeLessThan(60);
  });

  test('a stock row created during the closing of its warehouse counts as closed', async () => {
    const skus = ['gift-card-25', 'gift-card-100', 'tea-assam', 'book-bread'];
    await createWarehouse(
      shop.store,
      { code: 'NEW', name: 'New', country: 'DE', active: true },
      createStaffAuditContext(),
    );
    for (const item of await shop.store.stockItems.find(skus)) {
      await setStockThreshold(shop.store, item.sku, sumAvailableUnits(item.levels) + 2);
    }
    await Promise.all([
      ...skus.map((sku) => applyStockAdjustment(shop.store, sku, { delta: 5 }, { warehouse: 'NEW' })),
      setWarehouseActive(shop.store, 'NEW', false),
    ]);
    const items = await shop.store.stockItems.find(skus);
    expect(items.map((item) => [item.lowSinceMs !== null, detectStockAlert(item)])).toEqual(
      skus.map(() => [true, null]),
    );
  });

  describe('with more than one page of products', () => {
    const PAGE_ROWS = 4;
    const change = (active: boolean, isExpected: (version: number) => boolean = () => true) =>
      updateWarehouse(
        shop.store,
        { code: 'RTM', name: 'RTM', country: 'DE', active },
        isExpected,
        createStaffAuditContext(),
        PAGE_ROWS,
      );
    const listAlerts = (skus: readonly string[]) =>
      Promise.all(skus.map((sku) => listStockAlertTypes(shop.store, sku)));

    /** Sets thresholds so that each product is low without its units in Rotterdam. @returns the sorted skus. */
    async function watchProducts(): Promise<string[]> {
      const skus = ['bookshelf', 'coffee-decaf', 'oak-desk', 'tea-assam', 'wall-shelf'];
      for (const sku of skus) {
        const berlin = await getStockLevel(shop.store, sku);
        await setStockThreshold(shop.store, sku, (berlin?.onHand ?? 0) - (berlin?.reserved ?? 0));
      }
      return skus;
    }

    test('each product raises one alert, and no transaction locks all products', async () => {
      const skus = await watchProducts();
      const before = await listAlerts(skus);
      const lock = jest.spyOn(shop.store.stockItems, 'lock');
      await change(false);
      const pages = lock.mock.calls.map(([skus]) => skus.length);
      lock.mockRestore();
      expect(pages.length).toBeGreaterThan(3);
      expect(Math.max(...pages)).toBe(PAGE_ROWS);
      const low = before.map((alerts) => [...alerts, 'InventoryLow']);
      expect(await listAlerts(skus)).toEqual(low);
      await change(true);
      expect(await listAlerts(skus)).toEqual(low.map((alerts) => [...alerts, 'InventoryReplenished']));
    });

    test('an interrupted closing sells nothing from the warehouse, and the same request raises the remaining alerts', async () => {
      const skus = await watchProducts();
      const before = await listAlerts(skus);
      const warehouse = await shop.store.warehouses.find('RTM');
      const isExpected = (version: number) => version === warehouse?.version;
      const { lock } = shop.store.stockItems;
      const failingLock = jest
        .spyOn(shop.store.stockItems, 'lock')
        .mockImplementationOnce(lock)
        .mockImplementationOnce(lock)
        .mockRejectedValueOnce(new Error('killed'));
      await expect(change(false, isExpected)).rejects.toThrow('killed');
      failingLock.mockRestore();
      const alerts = await listAlerts(skus);
      expect([alerts[0], alerts.at(-1)]).toEqual([[...(before[0] ?? []), 'InventoryLow'], before.at(-1)]);
      expect(await reserve(newOrder([['counter-stool', 1]]))).toMatchObject({ outcome: 'rejected' });

      await expect(change(true, isExpected)).rejects.toMatchObject({ code: 'precondition_failed' });
      await change(false, isExpected);
      expect(await listAlerts(skus)).toEqual(before.map((alerts) => [...alerts, 'InventoryLow']));
      expect((await listStreamEvents(shop.store, 'warehouse:RTM')).at(-1)?.data).toMatchObject({
        active: false,
      });
    });
  });

  test('every change is logged once, with the resulting warehouse', async () => {
    await createWarehouse(
      shop.store,
      { code: 'VIE', name: 'Wien', country: 'AT', active: true },
      createStaffAuditContext(),
    );
    await expect(
      createWarehouse(
        shop.store,
        { code: 'VIE', name: 'Again', country: 'AT', active: true },
        createStaffAuditContext(),
      ),
    ).rejects.toMatchObject({ code: 'warehouse_exists' });
    await Promise.all(Array.from({ length: 5 }, () => setWarehouseActive(shop.store, 'VIE', false)));
    await expect(setWarehouseActive(shop.store, 'MOON', true)).rejects.toMatchObject({ code: 'not_found' });
    const events = await listStreamEvents(shop.store, 'warehouse:VIE');
    expect(events.map(({ type, data }) => [type, data])).toEqual([
      ['WarehouseCreated', { code: 'VIE', name: 'Wien', country: 'AT', active: true, version: 1 }],
      ['WarehouseUpdated', { code: 'VIE', name: 'VIE', country: 'DE', active: false, version: 2 }],
    ]);
  });
});
