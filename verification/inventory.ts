import type { StreamHead } from '../db/events/event-log';
import type { StockVerificationReader, StoredStock } from '../db/verification/stock-verification-reader';
import type { StockMovementPayload } from '../domain/inventory/stock-events';
import type { Warehouse } from '../domain/inventory/warehouse';
import { canonicalJson } from '../domain/shared/canonical-json';
import type { CloudEvent } from '../domain/shared/events';
import { eventKey, stockStream, warehouseStream } from '../domain/shared/ids';
import { ChainVerifier } from './chain';
import type { Finding } from './findings';
import { readPages } from './read-pages';
import { recheckUntilStable } from './recheck';
import { StockProjection } from './stock';

interface InventoryCheckDependencies {
  stockReads: StockVerificationReader;
  auditKey: Buffer;
  pauseMs?: number;
}

/** Products, events and movements read at once: what memory holds does not grow with their number. */
const PRODUCT_PAGE_SIZE = 50;
const ROW_PAGE_SIZE = 200;
const MAX_LISTED = 100;

/** Holds log, movements, levels and thresholds of every product against each other. */
export async function* checkAllStock(
  parts: InventoryCheckDependencies,
): AsyncGenerator<{ streams: number; findings: Finding[] }> {
  for (let after = ''; ; ) {
    const skus = await parts.stockReads.listSkus(after, PRODUCT_PAGE_SIZE);
    const last = skus.at(-1);
    if (last === undefined) return;
    let streams = 0;
    const findings = await recheckUntilStable(parts, skus, async (some) => {
      const found: Finding[][] = [];
      const stored = await parts.stockReads.findStoredStock(some);
      streams = Math.max(streams, stored.filter(({ head }) => head !== undefined).length);
      for (const product of stored) found.push(await checkProductStock(parts, product));
      return found;
    });
    yield { streams, findings };
    after = last;
  }
}

/** The log proves the rows. A log that is not whole proves nothing. */
async function checkProductStock(
  { stockReads, auditKey }: InventoryCheckDependencies,
  stored: StoredStock,
): Promise<Finding[]> {
  const { sku, head } = stored;
  const stream = stockStream(sku);
  const chain = new ChainVerifier(stream, auditKey);
  const told = new StockProjection(sku);
  const findings: Finding[] = [];
  // The levels are of the moment of the head: what was told since then is not of them.
  const upToSeq = head?.seq ?? Number.POSITIVE_INFINITY;
  for await (const page of readPages(
    (seq) => stockReads.findEvents(stream, seq, ROW_PAGE_SIZE),
    ({ seq }) => seq,
  )) {
    const rows = page.filter(({ seq }) => seq <= upToSeq);
    if (rows.length === 0) break;
    chain.add(rows);
    if (!chain.isIntact) continue;
    const events = rows.map(({ body }) => JSON.parse(body) as CloudEvent);
    const movements = await stockReads.findMovementsById(events.flatMap(getMovementIds));
    for (const event of events) {
      const [id = ''] = getMovementIds(event);
      findings.push(...told.apply(event, movements.get(id)));
    }
  }
  const isUntold = head === undefined && chain.isEmpty;
  const broken = isUntold ? [] : chain.finish(head);
  if (broken.length > 0) return broken;
  if (head !== undefined && (await hasEventsPastHead(stockReads, sku, head))) {
    return [
      { check: 'chain_broken', subject: stream, detail: `the log goes on behind its head ${head.seq}` },
    ];
  }

  for await (const rows of readPages(
    (position) => stockReads.findMovements(sku, position, ROW_PAGE_SIZE),
    ({ position }) => position,
  )) {
    const known = await stockReads.filterKnownEventKeys(rows.map(({ id }) => eventKey(stream, id)));
    for (const row of rows) {
      if (row.reason === 'opening') findings.push(...told.checkOpening(row));
      else if (!known.has(eventKey(stream, row.id))) {
        findings.push({ check: 'movement_mismatch', subject: row.id, detail: 'the log does not tell of it' });
      }
    }
  }
  return [...findings, ...told.check(stored)];
}

/** Whether there are events behind the head that have not moved it on. */
async function hasEventsPastHead(
  reads: StockVerificationReader,
  sku: string,
  { seq }: StreamHead,
): Promise<boolean> {
  const behind = await reads.findEvents(stockStream(sku), seq, 1);
  if (behind.length === 0) return false;
  const [now] = await reads.findStoredStock([sku]);
  return now?.head === undefined || now.head.seq <= seq;
}

const getMovementIds = ({ type, data }: CloudEvent): string[] =>
  type === 'StockAdjusted' ? [(data as unknown as StockMovementPayload).movementId] : [];

/** Holds every warehouse against its log. */
export async function* checkWarehouses(parts: InventoryCheckDependencies): AsyncGenerator<Finding[]> {
  const { stockReads } = parts;
  for (let after = ''; ; ) {
    const codes = await stockReads.listWarehouseCodes(after, MAX_LISTED);
    const last = codes.at(-1);
    if (last === undefined) break;
    yield await recheckUntilStable(parts, codes, (some) => checkWarehousesAgainstLog(parts, some));
    after = last;
  }
  yield (await stockReads.findMissingWarehouses(MAX_LISTED)).map((code) =>
    warehouseMismatch(code, 'it is gone'),
  );
}

const warehouseMismatch = (subject: string, detail: string): Finding => ({
  check: 'warehouse_mismatch',
  subject,
  detail,
});

/** A warehouse of before there were events is told of from its first change on. */
async function checkWarehousesAgainstLog(
  { stockReads }: InventoryCheckDependencies,
  codes: readonly string[],
): Promise<Finding[][]> {
  const stored = await stockReads.findWarehouses(codes);
  const keyOf = ({ code }: Warehouse, version: number) => eventKey(warehouseStream(code), `v${version}`);
  const told = await stockReads.findEventBodies(
    [...stored.values()].flatMap((w) => [keyOf(w, w.version), keyOf(w, w.version + 1)]),
  );
  return codes.map((code) => {
    const row = stored.get(code);
    if (row === undefined) return [];
    if (told.has(keyOf(row, row.version + 1)))
      return [warehouseMismatch(code, 'the log tells of a later change')];
    const body = told.get(keyOf(row, row.version));
    if (body === undefined)
      return row.version === 1 ? [] : [warehouseMismatch(code, 'the log does not tell of it')];
    const [says, is] = [canonicalJson((JSON.parse(body) as CloudEvent).data), canonicalJson(row)];
    return says === is ? [] : [warehouseMismatch(code, `it is ${is}, the log says ${says}`)];
  });
}
