import type { StreamHead } from '../db/events/event-log';
import type { StockAuditReads, StoredStock } from '../db/verification/audit-stock';
import type { ToldMovement } from '../domain/inventory/stock-events';
import type { Warehouse } from '../domain/inventory/warehouse';
import { canonicalJson } from '../domain/shared/canonical-json';
import type { CloudEvent } from '../domain/shared/events';
import { eventKey, stockStream, warehouseStream } from '../domain/shared/ids';
import { ChainCheck } from './chain';
import type { Finding } from './findings';
import { pagesOf } from './pages';
import { settled } from './settled';
import { ToldStock } from './stock';

interface Parts {
  stockReads: StockAuditReads;
  auditKey: Buffer;
  pauseMs?: number;
}

/** Products, events and movements read at once: what memory holds does not grow with their number. */
const PRODUCTS = 50;
const ROWS = 200;
const LISTED = 100;

/** Holds log, movements, levels and thresholds of every product against each other. */
export async function* checkStockOfAll(
  parts: Parts,
): AsyncGenerator<{ streams: number; findings: Finding[] }> {
  for (let after = ''; ; ) {
    const skus = await parts.stockReads.products(after, PRODUCTS);
    const last = skus.at(-1);
    if (last === undefined) return;
    let streams = 0;
    const findings = await settled(parts, skus, async (some) => {
      const found: Finding[][] = [];
      const stored = await parts.stockReads.stored(some);
      streams = Math.max(streams, stored.filter(({ head }) => head !== undefined).length);
      for (const product of stored) found.push(await checkStockOf(parts, product));
      return found;
    });
    yield { streams, findings };
    after = last;
  }
}

/** The log proves the rows. A log that is not whole proves nothing. */
async function checkStockOf({ stockReads, auditKey }: Parts, stored: StoredStock): Promise<Finding[]> {
  const { sku, head } = stored;
  const stream = stockStream(sku);
  const chain = new ChainCheck(stream, auditKey);
  const told = new ToldStock(sku);
  const findings: Finding[] = [];
  // The levels are of the moment of the head: what was told since then is not of them.
  const upToSeq = head?.seq ?? Number.POSITIVE_INFINITY;
  for await (const page of pagesOf(
    (seq) => stockReads.events(stream, seq, ROWS),
    ({ seq }) => seq,
  )) {
    const rows = page.filter(({ seq }) => seq <= upToSeq);
    if (rows.length === 0) break;
    chain.add(rows);
    if (!chain.isWhole) continue;
    const events = rows.map(({ body }) => JSON.parse(body) as CloudEvent);
    const movements = await stockReads.movementsById(events.flatMap(movementIdIn));
    for (const event of events) {
      const [id = ''] = movementIdIn(event);
      findings.push(...told.tell(event, movements.get(id)));
    }
  }
  const isUntold = head === undefined && chain.isEmpty;
  const broken = isUntold ? [] : chain.end(head);
  if (broken.length > 0) return broken;
  if (head !== undefined && (await wentOnWithoutHead(stockReads, sku, head))) {
    return [
      { check: 'chain_broken', subject: stream, detail: `the log goes on behind its head ${head.seq}` },
    ];
  }

  for await (const rows of pagesOf(
    (position) => stockReads.movements(sku, position, ROWS),
    ({ position }) => position,
  )) {
    const known = await stockReads.knownEvents(rows.map(({ id }) => eventKey(stream, id)));
    for (const row of rows) {
      if (row.reason === 'opening') findings.push(...told.open(row));
      else if (!known.has(eventKey(stream, row.id))) {
        findings.push({ check: 'movement_mismatch', subject: row.id, detail: 'the log does not tell of it' });
      }
    }
  }
  return [...findings, ...told.check(stored)];
}

/** Whether there are events behind the head that have not moved it on. */
async function wentOnWithoutHead(reads: StockAuditReads, sku: string, { seq }: StreamHead): Promise<boolean> {
  const behind = await reads.events(stockStream(sku), seq, 1);
  if (behind.length === 0) return false;
  const [now] = await reads.stored([sku]);
  return now?.head === undefined || now.head.seq <= seq;
}

const movementIdIn = ({ type, data }: CloudEvent): string[] =>
  type === 'StockAdjusted' ? [(data as unknown as ToldMovement).movementId] : [];

/** Holds every warehouse against its log. */
export async function* checkWarehouses(parts: Parts): AsyncGenerator<Finding[]> {
  const { stockReads } = parts;
  for (let after = ''; ; ) {
    const codes = await stockReads.warehouseCodes(after, LISTED);
    const last = codes.at(-1);
    if (last === undefined) break;
    yield await settled(parts, codes, (some) => checkAgainstLog(parts, some));
    after = last;
  }
  yield (await stockReads.missingWarehouses(LISTED)).map((code) => mismatch(code, 'it is gone'));
}

const mismatch = (subject: string, detail: string): Finding => ({
  check: 'warehouse_mismatch',
  subject,
  detail,
});

/** A warehouse of before there were events is told of from its first change on. */
async function checkAgainstLog({ stockReads }: Parts, codes: readonly string[]): Promise<Finding[][]> {
  const stored = await stockReads.warehouses(codes);
  const keyOf = ({ code }: Warehouse, version: number) => eventKey(warehouseStream(code), `v${version}`);
  const told = await stockReads.eventBodies(
    [...stored.values()].flatMap((w) => [keyOf(w, w.version), keyOf(w, w.version + 1)]),
  );
  return codes.map((code) => {
    const row = stored.get(code);
    if (row === undefined) return [];
    if (told.has(keyOf(row, row.version + 1))) return [mismatch(code, 'the log tells of a later change')];
    const body = told.get(keyOf(row, row.version));
    if (body === undefined) return row.version === 1 ? [] : [mismatch(code, 'the log does not tell of it')];
    const [says, is] = [canonicalJson((JSON.parse(body) as CloudEvent).data), canonicalJson(row)];
    return says === is ? [] : [mismatch(code, `it is ${is}, the log says ${says}`)];
  });
}
