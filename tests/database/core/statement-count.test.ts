import { createOrderActivities } from '../../../activities/orders';
import { confirmOrder } from '../../../domain/orders/order-changes';
import { newCustomerId } from '../../../services/shared/new-ids';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { buildPayment, newOrder } from '../orders/sample-orders';

/** More would cost throughput: on SQLite the writes of one order block all others. */
const MAX_STATEMENTS = 27;

describe.each(DIALECTS)('SQL statements of one order on %s', (dialect) => {
  const statements: string[] = [];
  let shop: TestStore;
  beforeAll(async () => {
    shop = await createTestStore(dialect, { onStatement: (sql) => statements.push(sql) });
  });
  afterAll(() => shop.close());

  /** The SQL of a placement, in the order of `createPlacement` in services/orders/place-order.ts. */
  async function claimPlacement(order = newOrder([['walnut-desk', 1]])) {
    const { db, idempotencyKeys, placements, contacts, products } = shop.store;
    const email = `${order.id}@example.com`;
    await products.findBySkus(order.lines.map((l) => l.sku));
    const customerId = await db.write(async (tx) => {
      const id = await contacts.findOrCreateCustomer(email, newCustomerId(), order.placedAtMs, tx);
      const key = { caller: 'guest', operation: 'placement', idempotencyKey: order.id } as const;
      await idempotencyKeys.add({ ...key, requestHash: 'x', resourceId: order.id }, order.placedAtMs, tx);
      const placement = { orderId: order.id, input: JSON.stringify(order), createdAtMs: order.placedAtMs };
      await placements.add(placement, tx);
      await contacts.addOrderContact(
        { orderId: order.id, customerId: id, email, name: 'Ada', phone: null, shippingAddress: null },
        tx,
      );
      return id;
    });
    return { ...order, customerId };
  }

  async function placeAndConfirm() {
    const activities = createOrderActivities(shop.store);
    const order = await claimPlacement();
    await activities.createOrder({ order, reserve: true });
    const { attempt, provider, intentId, amountMinor } = buildPayment(order);
    const { id: orderId, currency } = order;
    await shop.store.ledger.recordIntent(
      { orderId, attempt, provider, intentId, amountMinor, currency },
      order.placedAtMs,
    );
    const confirmed = confirmOrder(order, order.placedAtMs + 1);
    await activities.confirmOrder({ order: confirmed, paid: buildPayment(order) });
    expect(await shop.store.orders.find(orderId)).toEqual({ ...confirmed, payment: 'paid' });
  }

  test(`at most ${MAX_STATEMENTS} from placement to confirmation`, async () => {
    await placeAndConfirm();
    statements.length = 0;
    await placeAndConfirm();
    // Without the two of `orders.find`.
    const sent = statements.slice(0, -2).map(summarizeStatement);
    process.stdout.write(`${dialect}: ${sent.length} statements\n  ${sent.join('\n  ')}\n`);
    expect(sent.length).toBeLessThanOrEqual(MAX_STATEMENTS);
    expect(sent.filter((s) => s.startsWith('COMMIT'))).toHaveLength(3);
    expect(sent.filter((s) => /^(SET|PRAGMA)/.test(s))).toEqual([]);
  });
});

const summarizeStatement = (sql: string): string =>
  sql
    .replace(/^Executing \(.*?\): /, '')
    .replace(/\s+/g, ' ')
    .replace(/^(SELECT) .* FROM/, '$1 … FROM')
    .slice(0, 70);
