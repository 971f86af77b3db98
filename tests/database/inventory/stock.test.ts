import fc from 'fast-check';
import { createOrderActivities, type OrderActivities } from '../../../activities/orders';
import { execute } from '../../../db/core/sql';
import type { Order } from '../../../domain/orders/order';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { newOrder, queryNumber, queryRows } from '../orders/sample-orders';

describe.each(DIALECTS)('stock on %s', (dialect) => {
  let shop: TestStore;
  let steps: OrderActivities;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    steps = createOrderActivities(shop.store);
  });
  afterAll(() => shop.close());

  const open = (order: Order) => steps.createOrder({ order, reserve: true });
  const release = (order: Order) => steps.releaseStock({ orderId: order.id, atMs: Date.now() });
  const unitsOf = async (sku: string) =>
    (await shop.store.stock.findLevels([sku])).reduce(
      (sum, { onHand, reserved }) => ({ onHand: sum.onHand + onHand, reserved: sum.reserved + reserved }),
      { onHand: 0, reserved: 0 },
    );

  /** Rows where the stock does not agree with the reservations that are held. */
  const disagreements = () =>
    queryRows(
      shop.db,
      `SELECT s.sku, s.warehouse, s.on_hand, s.reserved, COALESCE(SUM(r.quantity), 0) AS held
       FROM stock s LEFT JOIN reservations r
         ON r.sku = s.sku AND r.warehouse = s.warehouse AND r.state = 'held'
       GROUP BY s.sku, s.warehouse, s.on_hand, s.reserved
       HAVING s.reserved <> COALESCE(SUM(r.quantity), 0) OR s.on_hand < s.reserved OR s.reserved < 0`,
    );
  afterEach(async () => expect(await disagreements()).toEqual([]));

  test('of 200 orders at once for the last 50 units exactly 50 get one', async () => {
    const orders = Array.from({ length: 200 }, () => newOrder([['limited-50', 1]]));
    const answers = await Promise.all(orders.map(open));
    const count = (outcome: string) => answers.filter((a) => a.outcome === outcome).length;
    expect([count('recorded'), count('out_of_stock')]).toEqual([50, 150]);
    expect(await unitsOf('limited-50')).toEqual({ onHand: 50, reserved: 50 });
    expect(
      await queryNumber(
        shop.db,
        "SELECT COUNT(*) FROM reservations WHERE sku = 'limited-50' AND state = 'held'",
      ),
    ).toBe(50);
    expect(await queryNumber(shop.db, "SELECT COUNT(*) FROM orders WHERE status = 'rejected'")).toBe(150);
    const short = answers.find((a) => a.outcome === 'out_of_stock');
    expect(short?.shortages).toEqual([{ line: 1, sku: 'limited-50', requested: 1, available: 0 }]);
  });

  test('100 orders at once that name the same products in opposite order all go through', async () => {
    const skus: [string, number][] = [
      ['task-chair', 1],
      ['bookshelf', 2],
      ['coat-rack', 1],
      ['carafe', 3],
    ];
    const orders = Array.from({ length: 100 }, (_, i) => newOrder(i % 2 === 0 ? skus : [...skus].reverse()));
    const answers = await Promise.all(orders.map(open));
    expect(answers.filter((a) => a.outcome !== 'recorded')).toEqual([]);
    for (const [sku, each] of skus) expect((await unitsOf(sku)).reserved).toBe(100 * each);
  });

  test('an order that is short of one line reserves nothing of the others', async () => {
    const before = await unitsOf('walnut-desk');
    const order = newOrder([
      ['walnut-desk', 5],
      ['limited-1', 2],
    ]);
    expect(await open(order)).toMatchObject({
      outcome: 'out_of_stock',
      shortages: [{ line: 2, sku: 'limited-1', requested: 2, available: 1 }],
    });
    expect(await unitsOf('walnut-desk')).toEqual(before);
    expect(await queryRows(shop.db, `SELECT id FROM reservations WHERE order_id = '${order.id}'`)).toEqual(
      [],
    );
    expect((await release(order)).head.seq).toBe(2);
  });

  test('a line that no warehouse has alone is taken from both, and two lines of one product are both taken', async () => {
    const order = newOrder([
      ['oak-desk', 1_500],
      ['oak-desk', 50],
    ]);
    expect((await open(order)).outcome).toBe('recorded');
    expect((await unitsOf('oak-desk')).reserved).toBe(1_550);
    await release(order);
    expect((await unitsOf('oak-desk')).reserved).toBe(0);
  });

  test('a release gives back once, however often and however concurrently it is asked for', async () => {
    const order = newOrder([
      ['floor-lamp', 4],
      ['clip-lamp', 2],
    ]);
    await open(order);
    const heads = await Promise.all(Array.from({ length: 10 }, () => release(order)));
    expect(new Set(heads.map(({ head }) => head.hash)).size).toBe(1);
    expect((await release(order)).head).toEqual(heads[0]?.head);
    expect((await unitsOf('floor-lamp')).reserved).toBe(0);
    expect((await unitsOf('clip-lamp')).reserved).toBe(0);
    expect(
      (await shop.store.log.findByOrder(order.id)).filter(({ type }) => type === 'StockReleased'),
    ).toHaveLength(1);
  });

  test('released units can be reserved by the next order, and the order that gave them back cannot take them again', async () => {
    const first = newOrder([['limited-1', 1]]);
    const second = newOrder([['limited-1', 1]]);
    await open(first);
    expect((await open(second)).outcome).toBe('out_of_stock');
    await release(first);
    await open(first);
    expect((await unitsOf('limited-1')).reserved).toBe(0);
    const third = newOrder([['limited-1', 1]]);
    expect((await open(third)).outcome).toBe('recorded');
    await release(third);
  });

  test.each([
    "UPDATE stock SET reserved = on_hand + 1 WHERE sku = 'walnut-desk'",
    "UPDATE stock SET reserved = -1 WHERE sku = 'walnut-desk'",
    "UPDATE stock SET on_hand = -1 WHERE sku = 'rattan-armchair'",
    "UPDATE stock SET on_hand = reserved - 1 WHERE sku = 'limited-50'",
  ])('the database itself refuses %s', async (sql) => {
    await expect(shop.db.write((tx) => execute(shop.db, sql, {}, tx))).rejects.toThrow();
  });

  test('whatever is reserved and released, in whatever order and at once: reserved is what is held, and there is enough', async () => {
    const skus = ['limited-1', 'limited-50', 'lounge-chair'] as const;
    const line = fc.tuple(fc.constantFrom(...skus), fc.integer({ min: 1, max: 12 }));
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('open' as const),
        lines: fc.array(line, { minLength: 1, maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant('release' as const), of: fc.nat({ max: 20 }) }),
    );
    const held = async () =>
      queryRows(shop.db, "SELECT DISTINCT order_id AS id FROM reservations WHERE state = 'held' ORDER BY id");
    // What the tests before hold would leave nothing to reserve.
    for (const { id } of await held()) await steps.releaseStock({ orderId: String(id), atMs: 1 });

    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 6 }), async (rounds) => {
        const orders: Order[] = [];
        for (const round of rounds) {
          await Promise.all(
            round.map((s) => {
              if (s.kind === 'open') {
                const order = newOrder(s.lines);
                orders.push(order);
                return open(order);
              }
              const order = orders[s.of % Math.max(1, orders.length)];
              return order === undefined || orders.indexOf(order) >= orders.length - round.length
                ? undefined
                : release(order);
            }),
          );
          expect(await disagreements()).toEqual([]);
        }
        for (const order of orders) await release(order);
        expect(await held()).toEqual([]);
        for (const sku of skus) expect((await unitsOf(sku)).reserved).toBe(0);
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });
});
