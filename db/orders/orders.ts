import type {
  Attention,
  Cancellation,
  FulfilmentStatus,
  Order,
  OrderLine,
  OrderStatus,
  PaymentStatus,
  Rejection,
} from '../../domain/orders/order';
import { minOrderIdAt } from '../../domain/shared/ids';
import type { Database, Tx } from '../core/connect';
import { execute, insert, limit, type Params, type SqlValue, select } from '../core/sql';

export interface OrderFilter {
  customerId?: string;
  status?: OrderStatus;
  /** Placed at or after, milliseconds. */
  fromMs?: number;
  /** Placed before, milliseconds. */
  toMs?: number;
  /** Orders older than this one: the last id of the page before. */
  afterId?: string;
  limit: number;
}

/** A row of a list: the order without its lines. */
export type OrderSummary = Omit<Order, 'lines'>;

/** The projection of orders: what lists and look-ups read. Each order's workflow alone writes its row. */
export interface Orders {
  insert(order: Order, tx: Tx): Promise<void>;
  /**
   * Writes the state behind the lines.
   * @param holding only while its stock is reserved.
   * @returns false when the stored order is not the version before, or does not hold what it is to hold.
   */
  update(order: Order, tx: Tx, holding?: 'stock'): Promise<boolean>;
  /** @returns null when there is no such order. */
  findStatus(id: string, tx?: Tx): Promise<OrderStatus | null>;
  find(id: string, tx?: Tx): Promise<Order | null>;
  /** Newest first. */
  list(filter: OrderFilter): Promise<OrderSummary[]>;
}

const STATE_COLUMNS = [
  'status',
  'payment',
  'fulfilment',
  'version',
  'updated_at_ms',
  'cancellation',
  'rejection',
  'attention',
];

const ORDER_COLUMNS = `id, customer_id AS customerId, status, payment, fulfilment, currency,
  subtotal_minor AS subtotalMinor, discount_minor AS discountMinor,
  shipping_method AS shippingMethod, shipping_minor AS shippingMinor,
  tax_minor AS taxMinor, total_minor AS totalMinor, tax_included AS taxIncluded, version,
  placed_at_ms AS placedAtMs, updated_at_ms AS updatedAtMs, cancellation, rejection, attention`;

const HOLDS_STOCK = "EXISTS (SELECT 1 FROM reservations WHERE order_id = orders.id AND state = 'held')";

const LINE_COLUMNS = `line, sku, name, quantity, unit_price_minor AS unitPriceMinor, subtotal_minor AS subtotalMinor,
  discount_minor AS discountMinor, tax_minor AS taxMinor, total_minor AS totalMinor`;

interface OrderRow extends Omit<OrderSummary, 'cancellation' | 'rejection' | 'attention' | 'taxIncluded'> {
  status: OrderStatus;
  payment: PaymentStatus;
  fulfilment: FulfilmentStatus;
  taxIncluded: number;
  cancellation: string | null;
  rejection: string | null;
  attention: string | null;
}

const parseJson = <T>(text: string | null): T | null => (text === null ? null : (JSON.parse(text) as T));
const toJson = (value: object | null): string | null => (value === null ? null : JSON.stringify(value));

const fromRow = (row: OrderRow): OrderSummary => ({
  ...row,
  taxIncluded: row.taxIncluded === 1,
  cancellation: parseJson<Cancellation>(row.cancellation),
  rejection: parseJson<Rejection>(row.rejection),
  attention: parseJson<Attention>(row.attention),
});

const toStateColumns = (order: Order) => ({
  status: order.status,
  payment: order.payment,
  fulfilment: order.fulfilment,
  version: order.version,
  updated_at_ms: order.updatedAtMs,
  cancellation: toJson(order.cancellation),
  rejection: toJson(order.rejection),
  attention: toJson(order.attention),
});

export function createOrders(db: Database): Orders {
  return {
    async insert(order, tx) {
      await insert(
        db,
        'orders',
        [
          {
            id: order.id,
            customer_id: order.customerId,
            currency: order.currency,
            subtotal_minor: order.subtotalMinor,
            discount_minor: order.discountMinor,
            shipping_method: order.shippingMethod,
            shipping_minor: order.shippingMinor,
            tax_minor: order.taxMinor,
            total_minor: order.totalMinor,
            tax_included: order.taxIncluded,
            placed_at_ms: order.placedAtMs,
            ...toStateColumns(order),
          },
        ],
        { tx },
      );
      await insert(
        db,
        'order_lines',
        order.lines.map((line) => ({
          order_id: order.id,
          line: line.line,
          sku: line.sku,
          name: line.name,
          quantity: line.quantity,
          unit_price_minor: line.unitPriceMinor,
          subtotal_minor: line.subtotalMinor,
          discount_minor: line.discountMinor,
          tax_minor: line.taxMinor,
          total_minor: line.totalMinor,
        })),
        { tx },
      );
    },

    async update(order, tx, holding) {
      const changed = await execute(
        db,
        `UPDATE orders SET ${STATE_COLUMNS.map((c) => `${c} = :${c}`).join(', ')}
         WHERE id = :id AND version = :before${holding === 'stock' ? ` AND ${HOLDS_STOCK}` : ''}`,
        { ...toStateColumns(order), id: order.id, before: order.version - 1 },
        tx,
      );
      return changed === 1;
    },

    async findStatus(id, tx) {
      const sql = 'SELECT status FROM orders WHERE id = :id';
      const [row] = await select<{ status: OrderStatus }>(db, sql, { id }, tx);
      return row?.status ?? null;
    },

    async find(id, tx) {
      const [rows, lines] = await Promise.all([
        select<OrderRow>(db, `SELECT ${ORDER_COLUMNS} FROM orders WHERE id = :id`, { id }, tx),
        select<OrderLine>(
          db,
          `SELECT ${LINE_COLUMNS} FROM order_lines WHERE order_id = :id ORDER BY line`,
          { id },
          tx,
        ),
      ]);
      const row = rows[0];
      return row === undefined ? null : { ...fromRow(row), lines };
    },

    async list(filter) {
      const { where, params } = buildConditions(filter);
      const rows = await select<OrderRow>(
        db,
        `SELECT ${ORDER_COLUMNS} FROM orders ${where} ORDER BY id DESC${limit(filter.limit)}`,
        params,
      );
      return rows.map(fromRow);
    },
  };
}

/** Dates become bounds on the id, whose first part is the time of placement. */
function buildConditions(filter: OrderFilter): { where: string; params: Params } {
  const parts: [sql: string, name: string, value: SqlValue | undefined][] = [
    ['customer_id = :customerId', 'customerId', filter.customerId],
    ['status = :status', 'status', filter.status],
    ['id >= :from', 'from', filter.fromMs === undefined ? undefined : minOrderIdAt(filter.fromMs)],
    ['id < :to', 'to', filter.toMs === undefined ? undefined : minOrderIdAt(filter.toMs)],
    ['id < :after', 'after', filter.afterId],
  ];
  const used = parts.filter(([, , value]) => value !== undefined);
  return {
    where: used.length === 0 ? '' : `WHERE ${used.map(([sql]) => sql).join(' AND ')}`,
    params: Object.fromEntries(used.map(([, name, value]) => [name, value as SqlValue])),
  };
}
