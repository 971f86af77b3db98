import type { Database } from '../../../db/core/connect';
import { select } from '../../../db/core/sql';
import type { Order } from '../../../domain/orders/order';
import { placeOrder } from '../../../domain/orders/order-changes';
import type { SettledPayment } from '../../../domain/orders/order-events';
import { newOrderId } from '../../../services/shared/new-ids';

const UNIT_PRICE_MINOR = 1_000;

/** A placed order of a new customer, each unit at 10.00. */
export function newOrder(lines: [sku: string, quantity: number][] = [['walnut-desk', 1]]): Order {
  const placedAtMs = Date.now();
  const id = newOrderId(placedAtMs);
  const priced = lines.map(([sku, quantity], i) => ({
    line: i + 1,
    sku,
    name: `Product ${sku}`,
    quantity,
    unitPriceMinor: UNIT_PRICE_MINOR,
    subtotalMinor: quantity * UNIT_PRICE_MINOR,
    discountMinor: 0,
    taxMinor: 0,
    totalMinor: quantity * UNIT_PRICE_MINOR,
  }));
  const subtotalMinor = priced.reduce((sum, line) => sum + line.totalMinor, 0);
  return placeOrder(
    {
      currency: 'EUR',
      shippingMethod: 'standard',
      lines: priced,
      subtotalMinor,
      discountMinor: 0,
      shippingMinor: 0,
      taxMinor: 0,
      totalMinor: subtotalMinor,
      taxIncluded: true,
    },
    { id, customerId: `cus_${id.slice(4)}`, placedAtMs },
  );
}

export const buildPayment = (order: Order): SettledPayment => ({
  attempt: 1,
  provider: 'stripe',
  intentId: `pi_${order.id}`,
  amountMinor: order.totalMinor,
});

export const queryRows = (db: Database, sql: string): Promise<Record<string, unknown>[]> => select(db, sql);

/** The only column of the first row, as a number. */
export async function queryNumber(db: Database, sql: string): Promise<number> {
  const [row] = await queryRows(db, sql);
  return Number(Object.values(row ?? {})[0]);
}

const TABLES = {
  stock: 'sku, warehouse',
  reservations: 'id',
  orders: 'id',
  order_lines: 'order_id, line',
  payment_ledger: 'entry_key',
  events: 'id',
  event_streams: 'stream',
};

/** Contents of every table that an order activity can change. */
export const snapshotTables = async (db: Database): Promise<unknown> =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(TABLES).map(async ([table, key]) => [
        table,
        await queryRows(db, `SELECT * FROM ${table} ORDER BY ${key}`),
      ]),
    ),
  );
