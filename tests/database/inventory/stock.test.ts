import fc from 'fast-check';
import { createOrderActivities, type OrderActivities } from '../../../activities/orders';
import { execute } from '../../../db/core/sql';
import type { Order } from '../../../domain/orders/order';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { newOrder, queryNumber, queryRows } from '../orders/sample-orders';

describe.each(DIALECTS)('stock on %s', (dialect) => {
  let shop: TestStore;
  let activities: OrderActivities;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    activities = createOrderActivities(shop.store);
  });
  afterAll(() => shop.close());

  const create = (order: Order) => activities.createOrder({ order, reserve: true });
  const release = (order: Order) => activities.releaseStock({ orderId: order.id, atMs: Date.now() });
  const sumUnits = async (sku: string) =>
    (await shop.store.stock.findLevels([sku])).reduce(
      (sum, { onHand, reserved }) => ({ onHand: sum.onHand + onHand, reserved: sum.reserved + reserved }),
      { onHand: 0, reserved: 0 },
    );

  /** Stock rows that differ from the sum of their held reservations. */
  const findMismatches = () =>
    queryRows(
      shop.db,
      `SELECT s.sku, s.warehouse, s.on_hand, s.reserved, COALESCE(SUM(r.quantity), 0) AS held
       FROM stock s LEFT JOIN reservations r
         ON r.sku = s.sku AND r.warehouse = s.warehouse AND r.state = 'held'
       GROUP BY s.sku, s.warehouse, s.on_hand, s.reserved
       HAVING s.reserved <> COALESCE(SUM(r.quantity), 0) OR s.on_hand < s.reserved OR s.reserved < 0`,
    );
  afterEach(async () => expect(await findMismatches()).toEqual([]));

  test('exactly 50 of 200 concurrent orders reserve one of the last 50 units', async () => {
    const orders = Array.from({ length: 200 }, () => newOrder([['limited-50', 1]]));
    const results = await Promise.all(orders.map(create));
    const count = (outcome: string) => results.filter((a) => a.outcome === outcome).length;
    expect([count('created'), count('rejected')]).toEqual([50, 150]);
    expect(await sumUnits('limited-50')).toEqual({ onHand: 50, reserved: 50 });
    expect(
      await queryNumber(
        shop.db,
        "SELECT COUNT(*) FROM reservations WHERE sku = 'limited-50' AND state = 'held'",
      ),
    ).toBe(50);
    expect(await queryNumber(shop.db, "SELECT COUNT(*) FROM orders WHERE status = 'rejected'")).toBe(150);
    expect(results.find((a) => a.outcome === 'rejected')).toMatchObject({
      rejection: { shortages: [{ line: 1, sku: 'limited-50', requested: 1, available: 0 }] },
    });
  });

  test('100 concurrent orders with the same products in opposite order all succeed', async () => {
    const skus: [string, number][] = [
      ['task-chair', 1],
      ['bookshelf', 2],
      ['coat-rack', 1],
      ['carafe', 3],
    ];
    const orders = Array.from({ length: 100 }, (_, i) => newOrder(i % 2 === 0 ? skus : [...skus].reverse()));
    const results = await Promise.all(orders.map(create));
    expect(results.filter((a) => a.outcome !== 'created')).toEqual([]);
    for (const [sku, each] of skus) expect((await sumUnits(sku)).reserved).toBe(100 * each);
  });

  test('an order with one line out of stock reserves nothing', async () => {
    const before = await sumUnits('walnut-desk');
    const order = newOrder([
      ['walnut-desk', 5],
      ['limited-1', 2],
    ]);
    expect(await create(order)).toMatchObject({
      outcome: 'rejected',
      rejection: { shortages: [{ line: 2, sku: 'limited-1', requested: 2, available: 1 }] },
    });
    expect(await sumUnits('walnut-desk')).toEqual(before);
    expect(await queryRows(shop.db, `SELECT id FROM reservations WHERE order_id = '${order.id}'`)).toEqual(
      [],
    );
    expect((await release(order)).head.seq).toBe(2);
  });

  test('reserves a line from both warehouses when neither suffices, and both lines of one product', async () => {
    const order = newOrder([
      ['oak-desk', 1_500],
      ['oak-desk', 50],
    ]);
    expect((await create(order)).outcome).toBe('created');
    expect((await sumUnits('oak-desk')).reserved).toBe(1_550);
    await release(order);
    expect((await sumUnits('oak-desk')).reserved).toBe(0);
  });

  test('concurrent and repeated releases have one effect', async () => {
    const order = newOrder([
      ['floor-lamp', 4],
      ['clip-lamp', 2],
    ]);
    await create(order);
    const heads = await Promise.all(Array.from({ length: 10 }, () => release(order)));
    expect(new Set(heads.map(({ head }) => head.hash)).size).toBe(1);
    expect((await release(order)).head).toEqual(heads[0]?.head);
    expect((await sumUnits('floor-lamp')).reserved).toBe(0);
    expect((await sumUnits('clip-lamp')).reserved).toBe(0);
    expect(
      (await shop.store.log.findByOrder(order.id)).filter(({ type }) => type === 'StockReleased'),
    ).toHaveLength(1);
  });

  test('released units can be reserved by the next order, but not again by the same order', async () => {
    const first = newOrder([['limited-1', 1]]);
    const second = newOrder([['limited-1', 1]]);
    await create(first);
    expect((await create(second)).outcome).toBe('rejected');
    await release(first);
    await create(first);
    expect((await sumUnits('limited-1')).reserved).toBe(0);
    const third = newOrder([['limited-1', 1]]);
    expect((await create(third)).outcome).toBe('created');
    await release(third);
  });

  test.each([
    "UPDATE stock SET reserved = on_hand + 1 WHERE sku = 'walnut-desk'",
    "UPDATE stock SET reserved = -1 WHERE sku = 'walnut-desk'",
    "UPDATE stock SET on_hand = -1 WHERE sku = 'rattan-armchair'",
    "UPDATE stock SET on_hand = reserved - 1 WHERE sku = 'limited-50'",
  ])('the database rejects %s', async (sql) => {
    await expect(shop.db.write((tx) => execute(shop.db, sql, {}, tx))).rejects.toThrow();
  });

  test('any sequence of concurrent reservations and releases leaves reserved equal to the held units, within the stock', async () => {
    const skus = ['limited-1', 'limited-50', 'lounge-chair'] as const;
    const line = fc.tuple(fc.constantFrom(...skus), fc.integer({ min: 1, max: 12 }));
    const operation = fc.oneof(
      fc.record({
        kind: fc.constant('create' as const),
        lines: fc.array(line, { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant('release' as const), index: fc.nat({ max: 20 }) }),
    );
    const listHeldOrders = async () =>
      queryRows(shop.db, "SELECT DISTINCT order_id AS id FROM reservations WHERE state = 'held' ORDER BY id");
    // Units held by earlier tests would leave nothing to reserve.
    for (const { id } of await listHeldOrders())
      await activities.releaseStock({ orderId: String(id), atMs: 1 });

    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(operation, { maxLength: 4 }), { maxLength: 6 }), async (rounds) => {
        const orders: Order[] = [];
        for (const round of rounds) {
          await Promise.all(
            round.map((op) => {
              if (op.kind === 'create') {
                const order = newOrder(op.lines);
                orders.push(order);
                return create(order);
              }
              const order = orders[op.index % Math.max(1, orders.length)];
              return order === undefined || orders.indexOf(order) >= orders.length - round.length
                ? undefined
                : release(order);
            }),
          );
          expect(await findMismatches()).toEqual([]);
        }
        for (const order of orders) await release(order);
        expect(await listHeldOrders()).toEqual([]);
        for (const sku of skus) expect((await sumUnits(sku)).reserved).toBe(0);
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });
});
