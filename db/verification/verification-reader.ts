import { groupBy } from '../../domain/shared/group-by';
import { parseProductId, productId } from '../../domain/shared/ids';
import type { Database } from '../core/connect';
import { limit, select, selectRows } from '../core/sql';
import type { LogRow, StreamHead } from '../events/models';
import type { StoredReservation } from '../inventory/models';
import type { LedgerRow } from '../payments/models';

export type { StoredReservation } from '../inventory/models';

export interface StockMismatch {
  sku: string;
  warehouse: string;
  onHand: number;
  reserved: number;
  held: number;
}

/** Reads the data of many streams at once for verification, by pages. */
export interface VerificationReader {
  /** Streams, orders, products and imports after `after`, ascending, from every table that refers to one. */
  listStreams(after: string, rows: number): Promise<string[]>;
  findEvents(streams: readonly string[]): Promise<Map<string, LogRow[]>>;
  findHeads(streams: readonly string[]): Promise<Map<string, StreamHead>>;
  /** The search terms of products, by sku. */
  findTerms(skus: readonly string[]): Promise<Map<string, string[]>>;
  findLedgerRows(orderIds: readonly string[]): Promise<Map<string, LedgerRow[]>>;
  findReservations(orderIds: readonly string[]): Promise<Map<string, StoredReservation[]>>;
  /** Stock rows whose `reserved` differs from the sum of the held reservations, all from one snapshot. */
  findStockMismatches(rows: number): Promise<StockMismatch[]>;
  /** Held reservations without a stock row. */
  findOrphanedReservations(rows: number): Promise<{ id: string }[]>;
  /** Events with neither an outbox row nor a position. */
  findUnpublishableEvents(rows: number): Promise<{ eventKey: string }[]>;
  /** Outbox rows whose event is missing or already has a position: they block the sequencer. */
  findInvalidOutboxRows(rows: number): Promise<{ eventId: number }[]>;
  /** Positions without an event. */
  findDanglingPositions(rows: number): Promise<{ position: number }[]>;
  getFeedSize(): Promise<{ last: number; rows: number }>;
  filterKnownIntents(intentIds: readonly string[]): Promise<Set<string>>;
  filterKnownOrders(ids: readonly string[]): Promise<Set<string>>;
}

/** Every table that refers to a stream, an order or an import; each has an index that begins with the column. */
const STREAM_SOURCES: readonly [column: string, table: string, only?: string][] = [
  ['stream', 'events'],
  ['stream', 'event_streams'],
  ['id', 'orders'],
  ['order_id', 'payment_ledger'],
  ['order_id', 'reservations'],
  // Incomplete uploads have no events yet.
  ['id', 'product_imports', " AND status <> 'uploading'"],
];
/** Every table that refers to a product. */
const PRODUCT_SOURCES = ['products', 'product_terms'] as const;

/** The sku after which the products follow the stream. */
function toSkuCursor(stream: string): string {
  const afterAll = '~';
  return parseProductId(stream) ?? (stream < productId('') ? '' : afterAll);
}

export function createVerificationReader(db: Database): VerificationReader {
  const { models } = db;
  return {
    async listStreams(after, rows) {
      const page = (column: string, table: string, only = '', from = ':after') =>
        `(SELECT DISTINCT ${column} AS named FROM ${table} WHERE ${column} > ${from}${only}
          ORDER BY ${column}${limit(rows)}) AS ${table}_page`;
      const streams = STREAM_SOURCES.map(
        ([column, table, only]) => `SELECT named AS stream FROM ${page(column, table, only)}`,
      );
      const id = db.dialect === 'mysql' ? `CONCAT('${productId('')}', named)` : `'${productId('')}' || named`;
      const products = PRODUCT_SOURCES.map(
        (table) => `SELECT ${id} AS stream FROM ${page('sku', table, '', ':afterSku')}`,
      );
      const listed = await select<{ stream: string }>(
        db,
        `${[...streams, ...products].join(' UNION ')} ORDER BY stream${limit(rows)}`,
        { after, afterSku: toSkuCursor(after) },
      );
      return listed.map((r) => r.stream);
    },

    async findEvents(streams) {
      const clauses = 'WHERE stream IN (:streams) ORDER BY stream, seq';
      const rows = await selectRows(db, models.events, clauses, { streams });
      return groupBy(rows, (r) => r.stream);
    },

    async findHeads(streams) {
      const rows = await selectRows(db, models.eventStreams, 'WHERE stream IN (:streams)', { streams });
      return new Map(rows.map(({ stream, seq, hash }) => [stream, { seq, hash }]));
    },

    async findTerms(skus) {
      const rows = await selectRows(db, models.productTerms, 'WHERE sku IN (:skus)', { skus });
      const terms = groupBy(rows, ({ sku }) => sku);
      return new Map([...terms].map(([sku, found]) => [sku, found.map(({ term }) => term)]));
    },

    async findLedgerRows(orderIds) {
      const clauses = 'WHERE order_id IN (:orderIds) ORDER BY order_id, recorded_at_ms, entry_key';
      const rows = await selectRows(db, models.ledger, clauses, { orderIds });
      return groupBy(rows, (r) => r.orderId);
    },

    async findReservations(orderIds) {
      const clauses = 'WHERE order_id IN (:orderIds) ORDER BY order_id, line, warehouse';
      const rows = await selectRows(db, models.reservations, clauses, { orderIds });
      return groupBy(rows, (r) => r.orderId);
    },

    findStockMismatches: (rows) =>
      select<StockMismatch>(
        db,
        `SELECT s.sku, s.warehouse, s.on_hand AS onHand, s.reserved, COALESCE(r.held, 0) AS held
         FROM stock s LEFT JOIN (
           SELECT sku, warehouse, SUM(quantity) AS held FROM reservations WHERE state = 'held'
           GROUP BY sku, warehouse
         ) r ON r.sku = s.sku AND r.warehouse = s.warehouse
         WHERE s.reserved <> COALESCE(r.held, 0) OR s.reserved > s.on_hand OR s.reserved < 0
         ORDER BY s.sku, s.warehouse${limit(rows)}`,
      ),

    findOrphanedReservations: (rows) =>
      select<{ id: string }>(
        db,
        `SELECT r.id FROM reservations r LEFT JOIN stock s ON s.sku = r.sku AND s.warehouse = r.warehouse
         WHERE r.state = 'held' AND s.sku IS NULL ORDER BY r.id${limit(rows)}`,
      ),

    findUnpublishableEvents: (rows) =>
      select<{ eventKey: string }>(
        db,
        `SELECT e.event_key AS eventKey FROM events e
         LEFT JOIN event_feed f ON f.event_id = e.id LEFT JOIN event_outbox o ON o.event_id = e.id
         WHERE f.event_id IS NULL AND o.event_id IS NULL ORDER BY e.id${limit(rows)}`,
      ),

    findInvalidOutboxRows: (rows) =>
      select<{ eventId: number }>(
        db,
        `SELECT o.event_id AS eventId FROM event_outbox o
         LEFT JOIN events e ON e.id = o.event_id LEFT JOIN event_feed f ON f.event_id = o.event_id
         WHERE e.id IS NULL OR f.event_id IS NOT NULL ORDER BY o.event_id${limit(rows)}`,
      ),

    findDanglingPositions: (rows) =>
      select<{ position: number }>(
        db,
        `SELECT f.position FROM event_feed f LEFT JOIN events e ON e.id = f.event_id
         WHERE e.id IS NULL ORDER BY f.position${limit(rows)}`,
      ),

    async getFeedSize() {
      const [row] = await select<{ last: number | null; size: number }>(
        db,
        'SELECT MAX(position) AS last, COUNT(*) AS size FROM event_feed',
      );
      return { last: Number(row?.last ?? 0), rows: Number(row?.size ?? 0) };
    },

    async filterKnownIntents(intentIds) {
      const rows = await select<{ intentId: string }>(
        db,
        'SELECT DISTINCT intent_id AS intentId FROM payment_ledger WHERE intent_id IN (:intentIds)',
        { intentIds },
      );
      return new Set(rows.map((r) => r.intentId));
    },

    async filterKnownOrders(ids) {
      const rows = await select<{ id: string }>(db, 'SELECT id FROM orders WHERE id IN (:ids)', { ids });
      return new Set(rows.map((r) => r.id));
    },
  };
}
