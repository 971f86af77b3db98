import type { Order, OrderStatus } from '../../domain/orders/order';
import { groupBy } from '../../domain/shared/group-by';
import { minOrderIdAt } from '../../domain/shared/ids';
import type { Database, Tx } from '../core/connect';
import {
  execute,
  forUpdate,
  insertRows,
  limit,
  type Params,
  type SqlValue,
  select,
  selectRows,
} from '../core/sql';
import { encodeRow } from '../core/table';
import type { StreamHead } from '../events/event-log';
import type { OrderSummary } from './models';

export type { OrderSummary } from './models';

export interface OrderFilter {
  customerId?: string;
  status?: OrderStatus;
  /** Placed at or after, milliseconds. */
  fromMs?: number;
  /** Placed before, milliseconds. */
  toMs?: number;
  /** Orders older than this one: the last id of the previous page. */
  afterId?: string;
  limit: number;
}

/** The projection of orders for lists and look-ups. Only the order's workflow writes its row. */
export interface Orders {
  insert(order: Order, tx: Tx): Promise<void>;
  /** Locks the order and the head of its stream for the rest of the transaction; null if it is not stored. */
  lock(id: string, tx: Tx): Promise<{ version: number; head: StreamHead } | null>;
  /**
   * Updates everything but lines and prices.
   * @param requiresReservation whether to update only while the order has reserved stock.
   * @returns false when the stored order is not the previous version, or has no reserved stock.
   */
  update(order: Order, tx: Tx, requiresReservation?: boolean): Promise<boolean>;
  findStatus(id: string, tx?: Tx): Promise<OrderStatus | null>;
  find(id: string, tx?: Tx): Promise<Order | null>;
  findMany(ids: readonly string[]): Promise<Order[]>;
  /** Newest first. */
  list(filter: OrderFilter): Promise<OrderSummary[]>;
}

const HAS_RESERVATION = "EXISTS (SELECT 1 FROM reservations WHERE order_id = orders.id AND state = 'held')";

/** The columns that change after the order is created. */
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

export function createOrders(db: Database): Orders {
  const { orders, orderLines } = db.models;
  return {
    async insert({ lines, ...order }, tx) {
      await insertRows(db, orders, [order], { tx });
      const rows = lines.map((line) => ({ orderId: order.id, ...line }));
      await insertRows(db, orderLines, rows, { tx });
    },

    async lock(id, tx) {
      const [row] = await select<{ version: number } & StreamHead>(
        db,
        `SELECT o.version, s.seq, s.hash FROM event_streams s JOIN orders o ON o.id = s.stream
         WHERE s.stream = :id${forUpdate(db)}`,
        { id },
        tx,
      );
      return row === undefined ? null : { version: row.version, head: { seq: row.seq, hash: row.hash } };
    },

    async update(order, tx, requiresReservation = false) {
      const changed = await execute(
        db,
        `UPDATE orders SET ${STATE_COLUMNS.map((c) => `${c} = :${c}`).join(', ')}
         WHERE id = :id AND version = :before${requiresReservation ? ` AND ${HAS_RESERVATION}` : ''}`,
        { ...encodeRow(orders, order), before: order.version - 1 },
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
      const [[order], lines] = await Promise.all([
        selectRows(db, orders, 'WHERE id = :id', { id }, tx),
        selectRows(db, orderLines, 'WHERE order_id = :id ORDER BY line', { id }, tx),
      ]);
      return order === undefined ? null : { ...order, lines: lines.map(omitOrderId) };
    },

    async findMany(ids) {
      const [rows, lines] = await Promise.all([
        selectRows(db, orders, 'WHERE id IN (:ids)', { ids }),
        selectRows(db, orderLines, 'WHERE order_id IN (:ids) ORDER BY line', { ids }),
      ]);
      const linesByOrder = groupBy(lines, ({ orderId }) => orderId);
      return rows.map((order) => ({ ...order, lines: (linesByOrder.get(order.id) ?? []).map(omitOrderId) }));
    },

    list(filter) {
      const { where, params } = buildConditions(filter);
      return selectRows(db, orders, `${where} ORDER BY id DESC${limit(filter.limit)}`, params);
    },
  };
}

const omitOrderId = <Line extends { orderId: string }>({
  orderId: _,
  ...line
}: Line): Omit<Line, 'orderId'> => line;

/** Dates become bounds of the id, which begins with the time of placement. */
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
