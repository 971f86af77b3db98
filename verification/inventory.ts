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

/** Page sizes bound the memory, whatever the number of products, events and movements. */
const PRODUCT_PAGE_SIZE = 50;
const ROW_PAGE_SIZE = 200;
const MAX_LISTED = 100;

/** Compares log, movements, levels and thresholds of every product. */
export async function* checkAllStock(
  parts: InventoryCheckDependencies,
): AsyncGenerator<{ streams: number; findings: Finding[] }> {
  for (let after = ''; ; ) {
    const skus = await parts.stockReads.listSkus(after, PRODUCT_PAGE_SIZE);
    const last = skus.at(-1);
    if (last === undefined) return;
    let streams = 0;
    const findings = await recheckUntilStable(parts, skus, async (page) => {
      const pageFindings: Finding[][] = [];
      const stored = await parts.stockReads.findStoredStock(page);
      streams = Math.max(streams, stored.filter(({ head }) => head !== undefined).length);
      for (const product of stored) pageFindings.push(await checkProductStock(parts, product));
      return pageFindings;
    });
    yield { streams, findings };
    after = last;
  }
}

/** Compares the rows with the log. A broken log proves nothing, so only its chain is reported. */
async function checkProductStock(
  { stockReads, auditKey }: InventoryCheckDependencies,
  stored: StoredStock,
): Promise<Finding[]> {
  const { sku, head } = stored;
  const stream = stockStream(sku);
  const chain = new ChainVerifier(stream, auditKey);
  const projection = new StockProjection(sku);
  const findings: Finding[] = [];
  // The levels were read together with the head, so later events are excluded.
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
      findings.push(...projection.apply(event, movements.get(id)));
    }
  }
  const hasNoLog = head === undefined && chain.isEmpty;
  const chainFindings = hasNoLog ? [] : chain.finish(head);
  if (chainFindings.length > 0) return chainFindings;
  if (head !== undefined && (await hasEventsPastHead(stockReads, sku, head))) {
    return [
      { check: 'chain_broken', subject: stream, detail: `the log has events after its head ${head.seq}` },
    ];
  }

  for await (const rows of readPages(
    (position) => stockReads.findMovements(sku, position, ROW_PAGE_SIZE),
    ({ position }) => position,
  )) {
    const known = await stockReads.filterKnownEventKeys(rows.map(({ id }) => eventKey(stream, id)));
    for (const row of rows) {
      if (row.reason === 'opening') findings.push(...projection.checkOpening(row));
      else if (!known.has(eventKey(stream, row.id))) {
        findings.push({
          check: 'movement_mismatch',
          subject: row.id,
          detail: 'the movement has no event in the log',
        });
      }
    }
  }
  return [...findings, ...projection.check(stored)];
}

/** Whether events exist after a head that is still current. */
async function hasEventsPastHead(
  reads: StockVerificationReader,
  sku: string,
  { seq }: StreamHead,
): Promise<boolean> {
  const later = await reads.findEvents(stockStream(sku), seq, 1);
  if (later.length === 0) return false;
  const [current] = await reads.findStoredStock([sku]);
  return current?.head === undefined || current.head.seq <= seq;
}

const getMovementIds = ({ type, data }: CloudEvent): string[] =>
  type === 'StockAdjusted' ? [(data as unknown as StockMovementPayload).movementId] : [];

/** Compares every warehouse with its log. */
export async function* checkWarehouses(parts: InventoryCheckDependencies): AsyncGenerator<Finding[]> {
  const { stockReads } = parts;
  for (let after = ''; ; ) {
    const codes = await stockReads.listWarehouseCodes(after, MAX_LISTED);
    const last = codes.at(-1);
    if (last === undefined) break;
    yield await recheckUntilStable(parts, codes, (page) => checkWarehousesAgainstLog(parts, page));
    after = last;
  }
  yield (await stockReads.findMissingWarehouses(MAX_LISTED)).map((code) =>
    warehouseMismatch(code, 'the warehouse is missing'),
  );
}

const warehouseMismatch = (subject: string, detail: string): Finding => ({
  check: 'warehouse_mismatch',
  subject,
  detail,
});

/** Seeded warehouses have no event for version 1. */
async function checkWarehousesAgainstLog(
  { stockReads }: InventoryCheckDependencies,
  codes: readonly string[],
): Promise<Finding[][]> {
  const stored = await stockReads.findWarehouses(codes);
  const keyOf = ({ code }: Warehouse, version: number) => eventKey(warehouseStream(code), `v${version}`);
  const bodies = await stockReads.findEventBodies(
    [...stored.values()].flatMap((w) => [keyOf(w, w.version), keyOf(w, w.version + 1)]),
  );
  return codes.map((code) => {
    const row = stored.get(code);
    if (row === undefined) return [];
    if (bodies.has(keyOf(row, row.version + 1)))
      return [warehouseMismatch(code, 'the log has a later change')];
    const body = bodies.get(keyOf(row, row.version));
    if (body === undefined)
      return row.version === 1 ? [] : [warehouseMismatch(code, 'the version has no event in the log')];
    const [expected, actual] = [canonicalJson((JSON.parse(body) as CloudEvent).data), canonicalJson(row)];
    return expected === actual ? [] : [warehouseMismatch(code, `is ${actual}, in the log ${expected}`)];
  });
}
