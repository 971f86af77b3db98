import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Store } from '../db/core/store';
import type { LogRow, StreamHead } from '../db/events/event-log';
import type { AuditReads } from '../db/verification/audit';
import type { StockAuditReads } from '../db/verification/audit-stock';
import { isClosed, type OrderStatus } from '../domain/orders/order';
import type { PaymentProvider } from '../domain/payments/provider';
import type { CloudEvent } from '../domain/shared/events';
import { isImportId, isOrderId, isStockStream, skuOfProductId } from '../domain/shared/ids';
import { readWorkflowHistory, type WorkflowHistory } from '../integrations/temporal/history';
import { ORDER_WORKFLOW } from '../workflows/messages';
import { ChainCheck, checkAnchors, checkChain, type StoredStream } from './chain';
import type { Finding } from './findings';
import { checkStockOfAll, checkWarehouses } from './inventory';
import { checkOrder, type StoredOrder } from './order';
import { pagesOf } from './pages';
import { ToldProduct } from './product';
import { checkImport } from './product-import';
import { projectionOf } from './projection';
import { checkBooks, checkProvider } from './provider';
import { settled } from './settled';

export interface VerifyParts {
  store: Store;
  reads: AuditReads;
  stockReads: StockAuditReads;
  /** Key of the log's hashes. */
  auditKey: Buffer;
  provider: PaymentProvider;
  temporal: Client;
  /** Orders' workflows run on it; others in the namespace are somebody else's. */
  taskQueue: string;
  /** Milliseconds before the second look at what had findings; each further look waits twice as long. */
  pauseMs?: number;
}

export interface Verified {
  orders: number;
  streams: number;
  findings: number;
}

/** Streams read at once: what memory holds does not grow with the number of orders. */
const PAGE = 50;
/** Of one stream, read at once. */
const EVENTS = 200;
const LISTED = 100;
const CONCURRENT_CALLS = 10;

/**
 * Holds history, log, ledger, the provider's books, reservations and stock against each other, for the given orders or
 * for all, open and closed.
 * @param tell hears of each finding as it is made.
 */
export async function verify(
  parts: VerifyParts,
  tell: (finding: Finding) => void,
  orderIds?: readonly string[],
): Promise<Verified> {
  const verified: Verified = { orders: 0, streams: 0, findings: 0 };
  const report = (findings: readonly Finding[]) => {
    verified.findings += findings.length;
    for (const finding of findings) tell(finding);
  };
  for await (const streams of pages(parts, orderIds)) {
    // A product of the demo may have none.
    verified.streams += (await parts.reads.heads(streams)).size;
    verified.orders += streams.filter(isOrderId).length;
    report(await settled(parts, streams, (some) => checkStreams(parts, some)));
  }
  if (orderIds === undefined) {
    report(await checkStock(parts));
    for await (const { streams, findings } of checkStockOfAll(parts)) {
      verified.streams += streams;
      report(findings);
    }
    for await (const findings of checkWarehouses(parts)) report(findings);
    report(await checkFeed(parts));
    for await (const findings of checkBooks(parts.provider, parts.reads)) report(findings);
    for await (const findings of checkWorkflows(parts)) report(findings);
  }
  return verified;
}

async function* pages({ reads }: VerifyParts, ids?: readonly string[]): AsyncGenerator<string[]> {
  if (ids !== undefined) {
    for (let i = 0; i < ids.length; i += PAGE) yield ids.slice(i, i + PAGE);
    return;
  }
  for (let after = ''; ; ) {
    const streams = await reads.streams(after, PAGE);
    const last = streams.at(-1);
    if (last === undefined) return;
    // Those of stock have no end: they are read by pages of their own.
    yield streams.filter((stream) => !isStockStream(stream));
    after = last;
  }
}

/** @returns the findings of each stream. */
async function checkStreams(parts: VerifyParts, streams: readonly string[]): Promise<Finding[][]> {
  const { reads } = parts;
  const orderIds = streams.filter(isOrderId);
  const skus = streams.flatMap((stream) => skuOfProductId(stream) ?? []);
  const [events, heads, terms, ledger, reservations] = await Promise.all([
    reads.events(streams.filter((stream) => !isLong(stream))),
    reads.heads(streams),
    reads.terms(skus),
    reads.ledger(orderIds),
    reads.reservations(orderIds),
  ]);
  return inTurns(streams, async (id) => {
    const head = heads.get(id);
    const sku = skuOfProductId(id);
    if (sku !== null) {
      const told = new ToldProduct(sku);
      const broken = await checkLongStream(parts, id, head, (event) => told.tell(event));
      if (broken.length > 0) return broken;
      return told.check({ product: await parts.store.products.find(sku), terms: terms.get(sku) ?? [] });
    }
    if (isLong(id)) return checkLongStream(parts, id, head);
    const log: StoredStream = { stream: id, rows: events.get(id) ?? [], head };
    if (isImportId(id)) return checkOneImport(parts, log);
    return checkOneOrder(parts, log, {
      order: await parts.store.orders.find(id),
      ledger: ledger.get(id) ?? [],
      reservations: reservations.get(id) ?? [],
    });
  });
}

/** What people do has no end, nor have the prices of a product: more than memory holds, so read page by page. */
const isLong = (stream: string): boolean => !isOrderId(stream) && !isImportId(stream);

/** @param tell hears of each event of a log that is whole so far. */
async function checkLongStream(
  { stockReads, auditKey }: VerifyParts,
  stream: string,
  head: StreamHead | undefined,
  tell: (event: CloudEvent) => void = () => undefined,
): Promise<Finding[]> {
  const chain = new ChainCheck(stream, auditKey);
  for await (const rows of pagesOf(
    (seq) => stockReads.events(stream, seq, EVENTS),
    ({ seq }) => seq,
  )) {
    chain.add(rows);
    if (chain.isWhole) rows.map(toEvent).forEach(tell);
  }
  // What was there before the log has none.
  return head === undefined && chain.isEmpty ? [] : chain.end(head);
}

/** The log proves the import. */
async function checkOneImport({ store, auditKey }: VerifyParts, log: StoredStream): Promise<Finding[]> {
  const findings = checkChainIfAny(log, auditKey);
  if (findings.length > 0) return findings;
  return checkImport(log.stream, eventsOf(log), await store.productImports.find(log.stream));
}

/** What was there before the log has none. */
const checkChainIfAny = (log: StoredStream, key: Buffer): Finding[] =>
  log.rows.length === 0 && log.head === undefined ? [] : checkChain(log, key);
const toEvent = ({ body }: LogRow): CloudEvent => JSON.parse(body) as CloudEvent;
const eventsOf = ({ rows }: StoredStream): CloudEvent[] => rows.map(toEvent);

/** The history proves the log, the log proves the rows. A log that is not whole proves nothing. */
async function checkOneOrder(
  parts: VerifyParts,
  log: StoredStream,
  rows: Pick<StoredOrder, 'order' | 'ledger' | 'reservations'>,
): Promise<Finding[]> {
  const id = log.stream;
  if (rows.order === null && log.rows.length === 0 && log.head === undefined) {
    return [{ check: 'order_missing', subject: id, detail: 'neither the order nor its log is there' }];
  }
  const history = await historyOf(parts.temporal, id);
  const findings = checkChain(log, parts.auditKey);
  if (history !== null) findings.push(...checkAnchors(log, history.anchors));
  const whole = findings.length === 0;
  const events = whole ? eventsOf(log) : [];
  const told = projectionOf(id, events);
  const stored: StoredOrder = { id, events, ...rows };
  if (whole) findings.push(...checkOrder(stored, told));
  const status = told?.status ?? rows.order?.status;
  findings.push(...(await checkProvider(parts.provider, stored, status)));
  if (status !== undefined) findings.push(...checkWorkflow(id, status, history));
  return findings;
}

/** Null when Temporal has none: it forgets closed workflows after a while. */
async function historyOf(temporal: Client, id: string): Promise<WorkflowHistory | null> {
  try {
    return await readWorkflowHistory(temporal, id);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

function checkWorkflow(subject: string, status: OrderStatus, history: WorkflowHistory | null): Finding[] {
  const runs = history?.status === 'RUNNING';
  if (runs !== isClosed(status)) return [];
  return runs
    ? [{ check: 'projection_mismatch', subject, detail: `it is ${status} and its workflow still runs` }]
    : [
        {
          check: 'workflow_missing',
          subject,
          detail: `it is ${status} and its workflow is ${history?.status ?? 'gone'}`,
        },
      ];
}

async function checkStock({ reads }: VerifyParts): Promise<Finding[]> {
  const [wrong, stray] = await Promise.all([reads.wrongStock(LISTED), reads.strayReservations(LISTED)]);
  return [
    ...wrong.map(
      (s): Finding => ({
        check: 'stock_mismatch',
        subject: `${s.sku} in ${s.warehouse}`,
        detail: `${s.onHand} on hand, ${s.reserved} reserved, live reservations of ${Number(s.held)}`,
      }),
    ),
    ...stray.map(
      (r): Finding => ({ check: 'stock_mismatch', subject: r.id, detail: 'reserves what there is not' }),
    ),
  ];
}

async function checkFeed({ reads }: VerifyParts): Promise<Finding[]> {
  const [lost, stuck, dangling, { last, rows }] = await Promise.all([
    reads.unpublishable(LISTED),
    reads.unqueueable(LISTED),
    reads.danglingPositions(LISTED),
    reads.feedSize(),
  ]);
  const wrong = (subject: string, detail: string): Finding => ({ check: 'feed_mismatch', subject, detail });
  return [
    ...lost.map((e) => wrong(e.eventKey, 'no subscriber will ever see this event')),
    ...stuck.map((o) => wrong(`event ${o.eventId}`, 'it waits for a position, but is gone or has one')),
    ...dangling.map((p) => wrong(`position ${p.position}`, 'its event is gone')),
    ...(last === rows ? [] : [wrong('feed', `the last position is ${last}, but there are ${rows}`)]),
  ];
}

/**
 * Workflows that ended, however that was, have stored their order or have lost it, and those that run have stored it once
 * they have done anything.
 */
async function* checkWorkflows(parts: VerifyParts): AsyncGenerator<Finding[]> {
  const { temporal, reads, taskQueue } = parts;
  const query = `WorkflowType = "${ORDER_WORKFLOW}" AND TaskQueue = "${taskQueue}"`;
  const waits = async (id: string): Promise<boolean> => {
    const history = await historyOf(temporal, id);
    return history === null || (history.status === 'RUNNING' && history.anchors.size === 0);
  };
  const check = (ids: readonly string[]) =>
    settled(parts, ids, async (subjects) => {
      const known = await reads.knownOrders(subjects);
      return inTurns(
        subjects,
        async (id): Promise<Finding[]> =>
          known.has(id) || (await waits(id))
            ? []
            : [{ check: 'order_missing', subject: id, detail: 'it has a workflow and no order' }],
      );
    });
  // A workflow is listed once for each of its runs.
  const ids = new Set<string>();
  for await (const { workflowId } of temporal.workflow.list({ query, pageSize: LISTED })) {
    ids.add(workflowId);
    if (ids.size < LISTED) continue;
    yield await check([...ids]);
    ids.clear();
  }
  yield await check([...ids]);
}

/** Runs `work` over the items, some at a time, and keeps the order of the results. Nothing runs on after a failure. */
async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += CONCURRENT_CALLS) {
    const some = items.slice(i, i + CONCURRENT_CALLS).map(work);
    await Promise.allSettled(some);
    results.push(...(await Promise.all(some)));
  }
  return results;
}
