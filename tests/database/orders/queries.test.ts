import { insert, type SqlValue, select } from '../../../db/core/sql';
import { createStore, type Store } from '../../../db/core/store';
import { createFeed } from '../../../db/events/feed';
import type { OrderStatus } from '../../../domain/orders/order';
import { minOrderIdAt, orderId } from '../../../domain/shared/ids';
import { newCustomerId } from '../../../services/shared/new-ids';
import { createTestStore, DIALECTS, TEST_AUDIT_KEY, type TestStore } from '../../harness/servers/databases';
import { isSlowPlanStep, recordQueryPlans } from '../../harness/workflow/query-plans';
import { newOrder } from './sample-orders';

const ORDER_COUNT = 2_000;
const CUSTOMER_COUNT = 40;
const BATCH = 250;
const STATUSES: OrderStatus[] = ['placed', 'confirmed', 'cancelled', 'rejected'];
const STARTED_AT_MS = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;

const buildOrderId = (n: number): string =>
  orderId(`${minOrderIdAt(STARTED_AT_MS + n * MINUTE_MS).slice(4, 14)}${String(n).padStart(16, '0')}`);
const customerIds = Array.from({ length: CUSTOMER_COUNT }, newCustomerId);

type Row = Record<string, SqlValue>;

/** Rows of a shop with some thousand orders. */
const buildOrderRows = (n: number) => {
  const id = buildOrderId(n);
  const at = STARTED_AT_MS + n * MINUTE_MS;
  const money = { subtotal_minor: 1, discount_minor: 0, tax_minor: 0, total_minor: 1 };
  return {
    orders: {
      id,
      customer_id: customerIds[n % CUSTOMER_COUNT] as string,
      status: STATUSES[Math.floor(n / 7) % STATUSES.length] as string,
      payment: 'paid',
      fulfilment: 'unfulfilled',
      currency: 'EUR',
      ...money,
      shipping_method: 'standard',
      shipping_minor: 0,
      tax_included: 1,
      version: 1,
      placed_at_ms: at,
      updated_at_ms: at,
    },
    order_lines: {
      order_id: id,
      line: 1,
      sku: 'walnut-desk',
      name: 'x',
      quantity: 1,
      unit_price_minor: 1,
      ...money,
    },
    reservations: {
      id: `${id}:r`,
      order_id: id,
      line: 1,
      sku: 'walnut-desk',
      warehouse: 'BER',
      quantity: 1,
      state: n % 3 === 0 ? 'held' : 'released',
      reserved_at_ms: at,
    },
    placements: {
      order_id: id,
      input: '{}',
      created_at_ms: at,
    },
    idempotency_keys: {
      caller: 'guest',
      operation: n % 2 === 0 ? 'placement' : 'stock_adjustment',
      idempotency_key: `k${n}`,
      request_hash: 'x',
      resource_id: id,
      created_at_ms: at,
    },
    payment_ledger: {
      entry_key: `${id}:e`,
      order_id: id,
      kind: 'captured',
      amount_minor: 1,
      currency: 'EUR',
      provider: 'stripe',
      recorded_at_ms: at,
    },
    events: {
      id: n + 1,
      event_key: `${id}:created`,
      stream: id,
      seq: 1,
      type: 'OrderCreated',
      topic: 'order-events',
      subject: id,
      body: '{}',
      prev_hash: 'x',
      hash: 'x',
    },
    event_feed: { position: n + 1, event_id: n + 1 },
    notifications: {
      id: `ntf:${id}`,
      subject: id,
      event_key: `${id}:created`,
      kind: 'order_confirmed',
      channel: 'email',
      state: 'sent',
      created_at_ms: at,
    },
    stock_movements: {
      movement_key: `mov_${n}`,
      sku: n % 2 === 0 ? 'walnut-desk' : `product-${n % 300}`,
      warehouse: 'BER',
      on_hand_delta: 0,
      on_hand_after: 1,
      reason: 'count',
      actor: 'system',
      at_ms: at,
    },
    stock_items: {
      sku: `product-${n}`,
      threshold: 5,
      low_since_ms: n % 3 === 0 ? at : null,
      crossings: 1,
    },
    stock: { sku: `product-${n}-b`, warehouse: n % 2 === 0 ? 'BER' : 'RTM', on_hand: 1, reserved: 0 },
    reconciliation_findings: {
      order_id: id,
      open_order_id: n % 50 === 0 ? id : null,
      problem: 'workflow_ended',
      detail: 'x',
      action: 'restarted',
      restarts: 1,
      first_seen_ms: at,
      last_seen_ms: at,
      next_check_ms: at,
    },
  };
};

const TABLES = Object.keys(buildOrderRows(0)) as (keyof ReturnType<typeof buildOrderRows>)[];

describe.each(DIALECTS)('order and stock queries on %s', (dialect) => {
  let shop: TestStore;
  let recorded: Store;
  const plans: Promise<string[]>[] = [];

  beforeAll(async () => {
    shop = await createTestStore(dialect);
    const { db } = shop;
    for (let from = 0; from < ORDER_COUNT; from += BATCH) {
      const orders = Array.from({ length: BATCH }, (_, i) => buildOrderRows(from + i));
      await db.write(async (tx) => {
        for (const table of TABLES) {
          await insert(
            db,
            table,
            orders.map((o): Row => o[table]),
            { tx },
          );
        }
      });
    }
    await db.sequelize.query(
      `UPDATE stock SET reserved = (SELECT SUM(quantity) FROM reservations WHERE state = 'held')
       WHERE sku = 'walnut-desk' AND warehouse = 'BER'`,
    );
    await db.sequelize.query(dialect === 'mysql' ? `ANALYZE TABLE ${TABLES.join(', ')}` : 'ANALYZE');
    recorded = createStore(recordQueryPlans(shop, plans), TEST_AUDIT_KEY);
  });
  afterAll(async () => {
    await recorded?.db.close();
    await shop?.close();
  });

  const filters = Array.from({ length: 32 }, (_, bits) => bits).map((bits) => ({
    ...(bits & 1 ? { customerId: customerIds[3] as string } : {}),
    ...(bits & 2 ? { status: 'confirmed' as const } : {}),
    ...(bits & 4 ? { fromMs: STARTED_AT_MS + 300 * MINUTE_MS } : {}),
    ...(bits & 8 ? { toMs: STARTED_AT_MS + 1_700 * MINUTE_MS } : {}),
    ...(bits & 16 ? { afterId: buildOrderId(1_500) } : {}),
    limit: 21,
  }));

  const queries: [string, (s: Store) => Promise<unknown>][] = [
    ...filters.map((filter): [string, (s: Store) => Promise<unknown>] => [
      `orders by ${Object.keys(filter).join(', ')}`,
      (s) => s.orders.list(filter),
    ]),
    ['an order with its lines', (s) => s.orders.find(buildOrderId(77))],
    ['the reservations of an order', (s) => s.db.write((tx) => s.stock.release(buildOrderId(78), 1, tx))],
    [
      'the stock of two products, locked for a reservation',
      (s) =>
        s.db.write((tx) =>
          s.stock.reserve(
            newOrder([
              ['walnut-desk', 1],
              ['desk-lamp', 1],
            ]),
            tx,
          ),
        ),
    ],
    ['several products and their stock', (s) => s.stockItems.find(['product-7', 'walnut-desk'])],
    ['a page of inventory', (s) => s.stockItems.list({ afterSku: 'd', limit: 20 })],
    [
      'low-stock products',
      (s) =>
        s.stockItems.listLow({ after: { lowSinceMs: STARTED_AT_MS + 60 * MINUTE_MS, sku: 'p' }, limit: 20 }),
    ],
    ['the movements of a product', (s) => s.movements.list({ sku: 'walnut-desk', before: 1_500, limit: 20 })],
    ['a movement', (s) => s.movements.find('mov_77')],
    ['whether a product exists', (s) => s.products.exists('walnut-desk')],
    ['a page of warehouses', (s) => s.warehouses.list({ afterCode: 'B', limit: 20 })],
    [
      'the products in a warehouse',
      (s) => s.db.write((tx) => s.warehouses.listSkus('RTM', 'product-3', 50, tx)),
    ],
    ['a warehouse, locked for sharing', (s) => s.db.write((tx) => s.warehouses.lock('BER', 'share', tx))],
    ['the events of an order', (s) => s.log.findByOrder(buildOrderId(77))],
    [
      'events by key',
      (s) => s.log.findByKeys([`${buildOrderId(77)}:created`, `${buildOrderId(78)}:created`]),
    ],
    ['an order and its stream, locked', (s) => s.db.write((tx) => s.orders.lock(buildOrderId(77), tx))],
    ['the payments of an order', (s) => s.ledger.findByOrder(buildOrderId(77))],
    ['the notifications of an order', (s) => s.notifications.findByOrder(buildOrderId(77))],
    [
      'a resource by its idempotency key',
      (s) => s.idempotencyKeys.find({ caller: 'guest', operation: 'placement', idempotencyKey: 'k78' }),
    ],
    ['the placement of an order', (s) => s.placements.findByOrder(buildOrderId(77))],
    ['the next events of the feed', (s) => s.feed.findAfter(1_000, 100)],
    ['the contact of an order', (s) => s.contacts.findByOrder(buildOrderId(77))],
    ['whether an order has reservations', (s) => s.stock.hasReservations(buildOrderId(77))],
    [
      'the next open orders to check',
      (s) =>
        s.reconciliation.findOpenOrders({
          status: 'confirmed',
          afterId: buildOrderId(300),
          beforeMs: STARTED_AT_MS + 1_700 * MINUTE_MS,
          rows: 200,
        }),
    ],
    [
      'the unfinished ones of several orders',
      (s) => s.reconciliation.findUnfinishedOrders([buildOrderId(7), buildOrderId(77), 'ord_none']),
    ],
    [
      'the states of several orders',
      (s) => s.reconciliation.findOrderStates([buildOrderId(7), buildOrderId(77)]),
    ],
    [
      'the open findings of several orders',
      (s) => s.reconciliation.findOpenFindings([buildOrderId(50), buildOrderId(77)]),
    ],
    [
      'orders due for another check',
      (s) => s.reconciliation.findDueOrders({ afterId: buildOrderId(300), nowMs: Date.now(), rows: 20 }),
    ],
    ['the number of restarts of an order', (s) => s.reconciliation.countRestartsSince(buildOrderId(77), 1)],
    ['a page of api keys', (s) => s.apiKeys.list({ afterId: 'key_01K', limit: 20 })],
    ['an api key', (s) => s.apiKeys.find('key_01K')],
    ['a page of products', (s) => s.products.list({ afterSku: 'd', limit: 20 })],
  ];

  test.each(queries)('%s: read in index order', async (_, query) => {
    plans.length = 0;
    await query(recorded);
    const steps = (await Promise.all(plans)).flat();
    expect(steps.length).toBeGreaterThan(0);
    expect(steps.filter(isSlowPlanStep)).toEqual([]);
  });

  test('detects the plan of a query without an index', async () => {
    plans.length = 0;
    const db = recorded.db;
    await select(db, 'SELECT id FROM orders WHERE total_minor > :n ORDER BY updated_at_ms', { n: 0 });
    await select(db, 'SELECT id FROM orders WHERE customer_id = :id ORDER BY placed_at_ms', { id: 'x' });
    for (const plan of plans) expect((await plan).filter(isSlowPlanStep)).not.toEqual([]);
    expect(plans).toHaveLength(2);
  });

  test('lists the matching orders, newest first', async () => {
    const newestFirst = Array.from({ length: ORDER_COUNT }, (_, n) => buildOrderRows(n).orders).reverse();
    for (const { limit, ...filter } of filters) {
      const rows = await shop.store.orders.list({ ...filter, limit: ORDER_COUNT });
      const { customerId, status, fromMs = 0, toMs = Number.MAX_SAFE_INTEGER, afterId = 'ord_~' } = filter;
      const expected = newestFirst.filter(
        (o) =>
          (customerId === undefined || o.customer_id === customerId) &&
          (status === undefined || o.status === status) &&
          o.placed_at_ms >= fromMs &&
          o.placed_at_ms < toMs &&
          o.id < afterId,
      );
      expect(rows.map((r) => r.id)).toEqual(expected.map((o) => o.id));
      expect((await shop.store.orders.list({ ...filter, limit })).map((r) => r.id)).toEqual(
        expected.slice(0, limit).map((o) => o.id),
      );
    }
    expect(await createFeed(shop.db).findAfter(ORDER_COUNT - 1, 5)).toHaveLength(1);
  });
});
