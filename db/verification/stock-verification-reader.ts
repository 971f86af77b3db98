import type { StockItem } from '../../domain/inventory/stock-item';
import type { StockMovement } from '../../domain/inventory/stock-movement';
import type { Warehouse } from '../../domain/inventory/warehouse';
import { parseStockStream, stockStream, warehouseStream } from '../../domain/shared/ids';
import type { Database } from '../core/connect';
import { limit, select, selectRows } from '../core/sql';
import type { LogRow, StreamHead } from '../events/models';
import type { StoredMovement } from '../inventory/models';

export type { StoredMovement } from '../inventory/models';

/** The stored stock of a product, all from one snapshot. */
export interface StoredStock {
  sku: string;
  /** Undefined when its row is missing: orders then cannot reserve its stock. */
  item: Omit<StockItem, 'sku' | 'levels'> | undefined;
  levels: StockItem['levels'];
  head: StreamHead | undefined;
}

/** Reads the inventory for verification, by pages. */
export interface StockVerificationReader {
  /** Products after `after`, ascending, from every table that refers to one. */
  listSkus(after: string, rows: number): Promise<string[]>;
  /** Reads one snapshot. */
  findStoredStock(skus: readonly string[]): Promise<StoredStock[]>;
  findEvents(stream: string, afterSeq: number, rows: number): Promise<LogRow[]>;
  findMovements(sku: string, afterPosition: number, rows: number): Promise<StoredMovement[]>;
  findMovementsById(ids: readonly string[]): Promise<Map<string, StockMovement>>;
  /** Those of the keys that are in the log. */
  filterKnownEventKeys(keys: readonly string[]): Promise<Set<string>>;
  listWarehouseCodes(after: string, rows: number): Promise<string[]>;
  findWarehouses(codes: readonly string[]): Promise<Map<string, Warehouse>>;
  /** The bodies of events in the log, by key. */
  findEventBodies(keys: readonly string[]): Promise<Map<string, string>>;
  /** Codes that the log or the stock refers to, without a warehouse. */
  findMissingWarehouses(rows: number): Promise<string[]>;
}

const STOCK_SOURCES = ['stock_items', 'stock', 'stock_movements'];
const STREAM_SOURCES = ['event_streams', 'events'];
/** The character after the colon that ends a prefix: an upper bound of the streams with the prefix. */
const PREFIX_END = ';';

interface StoredRow extends StreamHead {
  kind: 'item' | 'level' | 'head';
  /** The stream when `kind` is `head`. */
  sku: string;
  warehouse: string;
  onHand: number;
  reserved: number;
  active: number;
  threshold: number | null;
  lowSinceMs: number | null;
  crossings: number;
}

export function createStockVerificationReader(db: Database): StockVerificationReader {
  const { models } = db;
  return {
    async listSkus(after, rows) {
      const prefix = stockStream('');
      const named = STOCK_SOURCES.map(
        (table) =>
          `SELECT * FROM (SELECT DISTINCT sku AS named FROM ${table} WHERE sku > :after ORDER BY sku${limit(rows)}) AS ${table}_page`,
      );
      const streams = STREAM_SOURCES.map(
        (table) =>
          `SELECT SUBSTR(stream, ${prefix.length + 1}) AS named FROM (SELECT DISTINCT stream FROM ${table}
           WHERE stream > :stream AND stream < :end ORDER BY stream${limit(rows)}) AS ${table}_page`,
      );
      const listed = await select<{ named: string }>(
        db,
        `${[...named, ...streams].join(' UNION ')} ORDER BY named${limit(rows)}`,
        { after, stream: stockStream(after), end: prefix.slice(0, -1) + PREFIX_END },
      );
      return listed.map(({ named: sku }) => sku);
    },

    async findStoredStock(skus) {
      const rows = await select<StoredRow>(
        db,
        `SELECT 'item' AS kind, sku, NULL AS warehouse, NULL AS onHand, NULL AS reserved, NULL AS active, threshold,
           low_since_ms AS lowSinceMs, crossings, NULL AS seq, NULL AS hash
         FROM stock_items WHERE sku IN (:skus)
         UNION ALL
         SELECT 'level', s.sku, s.warehouse, s.on_hand, s.reserved, w.active, NULL, NULL, NULL, NULL, NULL
         FROM stock s LEFT JOIN warehouses w ON w.code = s.warehouse WHERE s.sku IN (:skus)
         UNION ALL
         SELECT 'head', stream, NULL, NULL, NULL, NULL, NULL, NULL, NULL, seq, hash
         FROM event_streams WHERE stream IN (:streams)`,
        { skus, streams: skus.map(stockStream) },
      );
      const stored = new Map(
        skus.map((sku): [string, StoredStock] => [
          sku,
          { sku, item: undefined, levels: [], head: undefined },
        ]),
      );
      for (const row of rows) addStoredRow(stored, row);
      return [...stored.values()];
    },

    findEvents: (stream, afterSeq, rows) =>
      selectRows(db, models.events, `WHERE stream = :stream AND seq > :afterSeq ORDER BY seq${limit(rows)}`, {
        stream,
        afterSeq,
      }),

    findMovements: (sku, afterPosition, rows) =>
      selectRows(
        db,
        models.stockMovements,
        `WHERE sku = :sku AND stock_movements.id > :afterPosition ORDER BY stock_movements.id${limit(rows)}`,
        { sku, afterPosition },
      ),

    async findMovementsById(ids) {
      const rows = await selectRows(db, models.stockMovements, 'WHERE movement_key IN (:ids)', { ids });
      return new Map(rows.map((row) => [row.id, row]));
    },

    async filterKnownEventKeys(keys) {
      const rows = await select<{ eventKey: string }>(
        db,
        'SELECT event_key AS eventKey FROM events WHERE event_key IN (:keys)',
        { keys },
      );
      return new Set(rows.map(({ eventKey }) => eventKey));
    },

    async listWarehouseCodes(after, rows) {
      const listed = await select<{ code: string }>(
        db,
        `SELECT code FROM warehouses WHERE code > :after ORDER BY code${limit(rows)}`,
        { after },
      );
      return listed.map(({ code }) => code);
    },

    async findWarehouses(codes) {
      const rows = await selectRows(db, models.warehouses, 'WHERE code IN (:codes)', { codes });
      return new Map(rows.map((row) => [row.code, row]));
    },

    async findEventBodies(keys) {
      const rows = await select<{ eventKey: string; body: string }>(
        db,
        'SELECT event_key AS eventKey, body FROM events WHERE event_key IN (:keys)',
        { keys },
      );
      return new Map(rows.map(({ eventKey, body }) => [eventKey, body]));
    },

    async findMissingWarehouses(rows) {
      const prefix = warehouseStream('');
      const listed = await select<{ code: string }>(
        db,
        `SELECT code FROM (
           SELECT SUBSTR(stream, ${prefix.length + 1}) AS code FROM event_streams WHERE stream > :from AND stream < :end
           UNION SELECT DISTINCT warehouse FROM stock
         ) AS named WHERE code NOT IN (SELECT code FROM warehouses) ORDER BY code${limit(rows)}`,
        { from: prefix, end: prefix.slice(0, -1) + PREFIX_END },
      );
      return listed.map(({ code }) => code);
    },
  };
}

function addStoredRow(stored: ReadonlyMap<string, StoredStock>, row: StoredRow): void {
  const product = stored.get(row.kind === 'head' ? parseStockStream(row.sku) : row.sku);
  if (product === undefined) return;
  const { threshold, lowSinceMs, crossings, sku, warehouse, onHand, reserved, active, seq, hash } = row;
  switch (row.kind) {
    case 'item':
      product.item = { threshold, lowSinceMs, crossings };
      return;
    case 'level':
      product.levels.push({ sku, warehouse, onHand, reserved, active: active === 1 });
      return;
    case 'head':
      product.head = { seq, hash };
  }
}
