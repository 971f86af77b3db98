import { createOrderActivities, type OrderActivities } from '../../activities/orders';
import type { Order } from '../../domain/order';
import { createWarehouse } from '../../inventory/warehouses';
import { createTestStore, DIALECTS, type TestStore } from '../support/databases';
import { adjust, byStaff, levelOf, open, toldIn } from './inventory';
import { newOrder, numberOf, rowsOf } from './sample-orders';

describe.each(DIALECTS)('warehouses on %s', (dialect) => {
  let shop: TestStore;
  let steps: OrderActivities;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    steps = createOrderActivities(shop.store);
  });
  afterAll(() => shop.close());
  beforeEach(() => open(shop.store, 'RTM', true));

  const reserve = (order: Order) => steps.openOrder({ order, reserve: true });
  const release = (order: Order) => steps.releaseStock({ orderId: order.id, atMs: Date.now() });
  const reservedIn = (warehouse: string) =>
    numberOf(shop.db, `SELECT COALESCE(SUM(reserved), 0) FROM stock WHERE warehouse = '${warehouse}'`);

  test('one that is closed serves no order, keeps what it has, and gives back what was reserved', async () => {
    const before = newOrder([['wall-shelf', 1_500]]);
    await reserve(before);
    const kept = await levelOf(shop.store, 'wall-shelf', 'RTM');
    await open(shop.store, 'RTM', false);

    expect(await levelOf(shop.store, 'wall-shelf', 'RTM')).toEqual({ ...kept, active: false });
    expect(await reserve(newOrder([['counter-stool', 1]]))).toMatchObject({
      outcome: 'out_of_stock',
      shortages: [{ available: 0 }],
    });
    await release(before);
    expect((await levelOf(shop.store, 'wall-shelf', 'RTM'))?.reserved).toBe(0);
    await adjust(shop.store, 'counter-stool', { delta: 1 }, { warehouse: 'RTM' });

    await open(shop.store, 'RTM', true);
    expect((await reserve(newOrder([['counter-stool', 721]]))).outcome).toBe('recorded');
  });

  test('the first units of a product in a closed warehouse wait there', async () => {
    await createWarehouse(shop.store, { code: 'OSL', name: 'Oslo', country: 'NO', active: false }, byStaff());
    await adjust(shop.store, 'limited-1', { delta: 5 }, { warehouse: 'OSL' });
    expect((await reserve(newOrder([['limited-1', 2]]))).outcome).toBe('out_of_stock');
    await open(shop.store, 'OSL', true);
    expect((await reserve(newOrder([['limited-1', 5]]))).outcome).toBe('recorded');
  });

  test('once its closing is answered no order that comes later is served from it, however many are under way', async () => {
    let reservedWhenClosed = Number.NaN;
    const closing = async () => {
      await open(shop.store, 'RTM', false);
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
    const disagree = await rowsOf(
      shop.db,
      'SELECT s.sku FROM stock s JOIN warehouses w ON w.code = s.warehouse WHERE s.active <> w.active',
    );
    expect(disagree).toEqual([]);
  });

  test('a stock row that is made while its warehouse is closed agrees with it', async () => {
    const skus = ['gift-card-25', 'gift-card-100', 'tea-assam', 'book-bread'];
    await createWarehouse(shop.store, { code: 'NEW', name: 'New', country: 'DE', active: true }, byStaff());
    await Promise.all([
      ...skus.map((sku) => adjust(shop.store, sku, { delta: 1 }, { warehouse: 'NEW' })),
      open(shop.store, 'NEW', false),
    ]);
    expect(await numberOf(shop.db, "SELECT COUNT(*) FROM stock WHERE warehouse = 'NEW' AND active = 1")).toBe(
      0,
    );
  });

  test('every change is told once, with what it is then', async () => {
    await createWarehouse(shop.store, { code: 'VIE', name: 'Wien', country: 'AT', active: true }, byStaff());
    await expect(
      createWarehouse(shop.store, { code: 'VIE', name: 'Again', country: 'AT', active: true }, byStaff()),
    ).rejects.toMatchObject({ code: 'warehouse_exists' });
    await Promise.all(Array.from({ length: 5 }, () => open(shop.store, 'VIE', false)));
    await expect(open(shop.store, 'MOON', true)).rejects.toMatchObject({ code: 'not_found' });
    const told = await toldIn(shop.store, 'warehouse:VIE');
    expect(told.map(({ type, data }) => [type, data])).toEqual([
      ['WarehouseCreated', { code: 'VIE', name: 'Wien', country: 'AT', active: true, version: 1 }],
      ['WarehouseUpdated', { code: 'VIE', name: 'VIE', country: 'DE', active: false, version: 2 }],
    ]);
  });
});
