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
  let steps: OrderActivities;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    steps = createOrderActivities(shop.store);
  });
  afterAll(() => shop.close());
  beforeEach(() => setWarehouseActive(shop.store, 'RTM', true));

  const reserve = (order: Order) => steps.createOrder({ order, reserve: true });
  const release = (order: Order) => steps.releaseStock({ orderId: order.id, atMs: Date.now() });
  const reservedIn = (warehouse: string) =>
    queryNumber(shop.db, `SELECT COALESCE(SUM(reserved), 0) FROM stock WHERE warehouse = '${warehouse}'`);

  test('one that is closed serves no order, keeps what it has, and gives back what was reserved', async () => {
    const before = newOrder([['wall-shelf', 1_500]]);
    await reserve(before);
    const kept = await getStockLevel(shop.store, 'wall-shelf', 'RTM');
    await setWarehouseActive(shop.store, 'RTM', false);

    expect(await getStockLevel(shop.store, 'wall-shelf', 'RTM')).toEqual({ ...kept, active: false });
    expect(await reserve(newOrder([['counter-stool', 1]]))).toMatchObject({
      outcome: 'out_of_stock',
      shortages: [{ available: 0 }],
    });
    await release(before);
    expect((await getStockLevel(shop.store, 'wall-shelf', 'RTM'))?.reserved).toBe(0);
    await applyStockAdjustment(shop.store, 'counter-stool', { delta: 1 }, { warehouse: 'RTM' });

    await setWarehouseActive(shop.store, 'RTM', true);
    expect((await reserve(newOrder([['counter-stool', 721]]))).outcome).toBe('recorded');
  });

  test('the first units of a product in a closed warehouse wait there', async () => {
    await createWarehouse(
      shop.store,
      { code: 'OSL', name: 'Oslo', country: 'NO', active: false },
      createStaffAuditContext(),
    );
    await applyStockAdjustment(shop.store, 'limited-1', { delta: 5 }, { warehouse: 'OSL' });
    expect((await reserve(newOrder([['limited-1', 2]]))).outcome).toBe('out_of_stock');
    await setWarehouseActive(shop.store, 'OSL', true);
    expect((await reserve(newOrder([['limited-1', 5]]))).outcome).toBe('recorded');
  });

  test('once its closing is answered no order that comes later is served from it, however many are under way', async () => {
    let reservedWhenClosed = Number.NaN;
    const closing = async () => {
      await setWarehouseActive(shop.store, 'RTM', false);
      reservedWhenClosed = await reservedIn('RTM');
    };
    const skus = ['oak-desk', 'monitor-stand', 'cable-tray', 'clip-lamp'];
    const orders = Array.from({ length: 60 }, (_, i) =>
      newOrder([
        [skus[i % 4] as string, 5],
        // Only Rotterdam has it: the whole order would come from there.
        ['counter-stool', i % 2 === 0 ? 1 : 2],
      ]),
    );
    const answers = await Promise.all([
      ...orders.slice(0, 30).map(reserve),
      closing(),
      ...orders.slice(30).map(reserve),
    ]);
    expect(await reservedIn('RTM')).toBe(reservedWhenClosed);
    expect(answers.filter((a) => a?.outcome === 'recorded').length).toBeLessThan(60);
  });

  test('a stock row that is made while its warehouse is closed counts as closed', async () => {
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

  describe('over more than one page of products', () => {
    const PAGE_ROWS = 4;
    const change = (active: boolean, seen: (version: number) => boolean = () => true) =>
      updateWarehouse(
        shop.store,
        { code: 'RTM', name: 'RTM', country: 'DE', active },
        seen,
        createStaffAuditContext(),
        PAGE_ROWS,
      );
    const crossings = (skus: readonly string[]) =>
      Promise.all(skus.map((sku) => listStockAlertTypes(shop.store, sku)));

    /** Products of several pages, in their order, that are low without what is in Rotterdam. */
    async function watched(): Promise<string[]> {
      const skus = ['bookshelf', 'coffee-decaf', 'oak-desk', 'tea-assam', 'wall-shelf'];
      for (const sku of skus) {
        const berlin = await getStockLevel(shop.store, sku);
        await setStockThreshold(shop.store, sku, (berlin?.onHand ?? 0) - (berlin?.reserved ?? 0));
      }
      return skus;
    }

    test('each product is told of once, and no transaction looks at all of them', async () => {
      const skus = await watched();
      const before = await crossings(skus);
      const lock = jest.spyOn(shop.store.stockItems, 'lock');
      await change(false);
      const pages = lock.mock.calls.map(([of]) => of.length);
      lock.mockRestore();
      expect(pages.length).toBeGreaterThan(3);
      expect(Math.max(...pages)).toBe(PAGE_ROWS);
      const low = before.map((told) => [...told, 'InventoryLow']);
      expect(await crossings(skus)).toEqual(low);
      await change(true);
      expect(await crossings(skus)).toEqual(low.map((told) => [...told, 'InventoryReplenished']));
    });

    test('broken off, nothing is sold from there, and the same request again tells the rest', async () => {
      const skus = await watched();
      const before = await crossings(skus);
      const read = await shop.store.warehouses.find('RTM');
      const seen = (version: number) => version === read?.version;
      const { lock } = shop.store.stockItems;
      const broken = jest
        .spyOn(shop.store.stockItems, 'lock')
        .mockImplementationOnce(lock)
        .mockImplementationOnce(lock)
        .mockRejectedValueOnce(new Error('killed'));
      await expect(change(false, seen)).rejects.toThrow('killed');
      broken.mockRestore();
      const told = await crossings(skus);
      expect([told[0], told.at(-1)]).toEqual([[...(before[0] ?? []), 'InventoryLow'], before.at(-1)]);
      expect(await reserve(newOrder([['counter-stool', 1]]))).toMatchObject({ outcome: 'out_of_stock' });

      await expect(change(true, seen)).rejects.toMatchObject({ code: 'precondition_failed' });
      await change(false, seen);
      expect(await crossings(skus)).toEqual(before.map((of) => [...of, 'InventoryLow']));
      expect((await listStreamEvents(shop.store, 'warehouse:RTM')).at(-1)?.data).toMatchObject({
        active: false,
      });
    });
  });

  test('every change is told once, with what it is then', async () => {
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
    const told = await listStreamEvents(shop.store, 'warehouse:VIE');
    expect(told.map(({ type, data }) => [type, data])).toEqual([
      ['WarehouseCreated', { code: 'VIE', name: 'Wien', country: 'AT', active: true, version: 1 }],
      ['WarehouseUpdated', { code: 'VIE', name: 'VIE', country: 'DE', active: false, version: 2 }],
    ]);
  });
});
