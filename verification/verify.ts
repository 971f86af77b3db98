import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Store } from '../db/core/store';
import type { LogRow, StreamHead } from '../db/events/event-log';
import type { StockVerificationReader } from '../db/verification/stock-verification-reader';
import type { VerificationReader } from '../db/verification/verification-reader';
import { isClosed, type OrderStatus } from '../domain/orders/order';
import type { PaymentProvider } from '../domain/payments/provider';
import type { CloudEvent } from '../domain/shared/events';
import { isImportId, isOrderId, isStockStream, parseProductId } from '../domain/shared/ids';
import { readWorkflowHistory, type WorkflowHistory } from '../integrations/temporal/history';
import { ORDER_WORKFLOW } from '../workflows/orders/messages';
import { ChainVerifier, checkAnchors, checkChain, type StoredStream } from './chain';
import type { Finding } from './findings';
import { checkAllStock, checkWarehouses } from './inventory';
import { checkOrder, type StoredOrder } from './order';
import { ProductProjection } from './product';
import { checkImport } from './product-import';
import { projectOrder } from './projection';
import { checkProvider, checkUnrecordedIntents } from './provider';
import { readPages } from './read-pages';
import { recheckUntilStable } from './recheck';

export interface VerifyDependencies {
  store: Store;
  reads: VerificationReader;
  stockReads: StockVerificationReader;
  /** Key of the log's hashes. */
  auditKey: Buffer;
  provider: PaymentProvider;
  temporal: Client;
  /** Orders' workflows run on it; others in the namespace are somebody else's. */
  taskQueue: string;
  /** Milliseconds before the second look at what had findings; each further look waits twice as long. */
  pauseMs?: number;
}

export interface VerificationSummary {
  orders: number;
  streams: number;
  findings: number;
}

/** Streams read at once: what memory holds does not grow with the number of orders. */
const STREAM_PAGE_SIZE = 50;
/** Of one stream, read at once. */
const EVENT_PAGE_SIZE = 200;
const MAX_LISTED = 100;
const CONCURRENT_CALLS = 10;

/**
 * Holds history, log, ledger, the provider's books, reservations and stock against each other, for the given orders or
 * for all, open and closed.
 * @param tell hears of each finding as it is made.
 */
export async function verify(
  parts: VerifyDependencies,
  tell: (finding: Finding) => void,
  orderIds?: readonly string[],
): Promise<VerificationSummary> {
  const verified: VerificationSummary = { orders: 0, streams: 0, findings: 0 };
  const report = (findings: readonly Finding[]) => {
    verified.findings += findings.length;
    for (const finding of findings) tell(finding);
  };
  for await (const streams of listStreamPages(parts, orderIds)) {
    // A product of the demo may have none.
    verified.streams += (await parts.reads.findHeads(streams)).size;
    verified.orders += streams.filter(isOrderId).length;
    report(await recheckUntilStable(parts, streams, (some) => checkStreams(parts, some)));
  }
  if (orderIds === undefined) {
    report(await checkStock(parts));
    for await (const { streams, findings } of checkAllStock(parts)) {
      verified.streams += streams;
      report(findings);
    }
    for await (const findings of checkWarehouses(parts)) report(findings);
    report(await checkFeed(parts));
    for await (const findings of checkUnrecordedIntents(parts.provider, parts.reads)) report(findings);
    for await (const findings of checkWorkflows(parts)) report(findings);
  }
  return verified;
}

async function* listStreamPages(
  { reads }: VerifyDependencies,
  ids?: readonly string[],
): AsyncGenerator<string[]> {
  if (ids !== undefined) {
    for (let i = 0; i < ids.length; i += STREAM_PAGE_SIZE) yield ids.slice(i, i + STREAM_PAGE_SIZE);
    return;
  }
  for (let after = ''; ; ) {
    const streams = await reads.listStreams(after, STREAM_PAGE_SIZE);
    const last = streams.at(-1);
    if (last === undefined) return;
    // Those of stock have no end: they are read by pages of their own.
    yield streams.filter((stream) => !isStockStream(stream));
    after = last;
  }
}

/** @returns the findings of each stream. */
async function checkStreams(parts: VerifyDependencies, streams: readonly string[]): Promise<Finding[][]> {
  const { reads } = parts;
  const orderIds = streams.filter(isOrderId);
  const skus = streams.flatMap((stream) => parseProductId(stream) ?? []);
  const [events, heads, terms, ledger, reservations] = await Promise.all([
    reads.findEvents(streams.filter((stream) => !isUnboundedStream(stream))),
    reads.findHeads(streams),
    reads.findTerms(skus),
    reads.findLedgerRows(orderIds),
    reads.findReservations(orderIds),
  ]);
  return mapInBatches(streams, async (id) => {
    const head = heads.get(id);
    const sku = parseProductId(id);
    if (sku !== null) {
      const told = new ProductProjection(sku);
      const broken = await checkUnboundedStream(parts, id, head, (event) => told.apply(event));
      if (broken.length > 0) return broken;
      return told.check({ product: await parts.store.products.find(sku), terms: terms.get(sku) ?? [] });
    }
    if (isUnboundedStream(id)) return checkUnboundedStream(parts, id, head);
    const log: StoredStream = { stream: id, rows: events.get(id) ?? [], head };
    if (isImportId(id)) return verifyImport(parts, log);
    return verifyOrder(parts, log, {
      order: await parts.store.orders.find(id),
      ledger: ledger.get(id) ?? [],
      reservations: reservations.get(id) ?? [],
    });
  });
}

/** What people do has no end, nor have the prices of a product: more than memory holds, so read page by page. */
const isUnboundedStream = (stream: string): boolean => !isOrderId(stream) && !isImportId(stream);

/** @param tell hears of each event of a log that is whole so far. */
async function checkUnboundedStream(
  { stockReads, auditKey }: VerifyDependencies,
  stream: string,
  head: StreamHead | undefined,
  tell: (event: CloudEvent) => void = () => undefined,
): Promise<Finding[]> {
  const chain = new ChainVerifier(stream, auditKey);
  for await (const rows of readPages(
    (seq) => stockReads.findEvents(stream, seq, EVENT_PAGE_SIZE),
    ({ seq }) => seq,
  )) {
    chain.add(rows);
    if (chain.isIntact) rows.map(parseEvent).forEach(tell);
  }
  // What was there before the log has none.
  return head === undefined && chain.isEmpty ? [] : chain.finish(head);
}

/** The log proves the import. */
async function verifyImport({ store, auditKey }: VerifyDependencies, log: StoredStream): Promise<Finding[]> {
  const findings = checkChainIfPresent(log, auditKey);
  if (findings.length > 0) return findings;
  return checkImport(log.stream, parseEvents(log), await store.productImports.find(log.stream));
}

/** What was there before the log has none. */
const checkChainIfPresent = (log: StoredStream, key: Buffer): Finding[] =>
  log.rows.length === 0 && log.head === undefined ? [] : checkChain(log, key);
const parseEvent = ({ body }: LogRow): CloudEvent => JSON.parse(body) as CloudEvent;
const parseEvents = ({ rows }: StoredStream): CloudEvent[] => rows.map(parseEvent);

/** The history proves the log, the log proves the rows. A log that is not whole proves nothing. */
async function verifyOrder(
  parts: VerifyDependencies,
  log: StoredStream,
  rows: Pick<StoredOrder, 'order' | 'ledger' | 'reservations'>,
): Promise<Finding[]> {
  const id = log.stream;
  if (rows.order === null && log.rows.length === 0 && log.head === undefined) {
    return [{ check: 'order_missing', subject: id, detail: 'neither the order nor its log is there' }];
  }
  const history = await findHistory(parts.temporal, id);
  const findings = checkChain(log, parts.auditKey);
  if (history !== null) findings.push(...checkAnchors(log, history.anchors));
  const whole = findings.length === 0;
  const events = whole ? parseEvents(log) : [];
  const told = projectOrder(id, events);
  const stored: StoredOrder = { id, events, ...rows };
  if (whole) findings.push(...checkOrder(stored, told));
  const status = told?.status ?? rows.order?.status;
  findings.push(...(await checkProvider(parts.provider, stored, status)));
  if (status !== undefined) findings.push(...checkWorkflow(id, status, history));
  return findings;
}

/** Null when Temporal has none: it forgets closed workflows after a while. */
async function findHistory(temporal: Client, id: string): Promise<WorkflowHistory | null> {
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

async function checkStock({ reads }: VerifyDependencies): Promise<Finding[]> {
  const [wrong, stray] = await Promise.all([
    reads.findStockMismatches(MAX_LISTED),
    reads.findOrphanedReservations(MAX_LISTED),
  ]);
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

async function checkFeed({ reads }: VerifyDependencies): Promise<Finding[]> {
  const [lost, stuck, dangling, { last, rows }] = await Promise.all([
    reads.findUnpublishableEvents(MAX_LISTED),
    reads.findInvalidOutboxRows(MAX_LISTED),
    reads.findDanglingPositions(MAX_LISTED),
    reads.getFeedSize(),
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
async function* checkWorkflows(parts: VerifyDependencies): AsyncGenerator<Finding[]> {
  const { temporal, reads, taskQueue } = parts;
  const query = `WorkflowType = "${ORDER_WORKFLOW}" AND TaskQueue = "${taskQueue}"`;
  const waits = async (id: string): Promise<boolean> => {
    const history = await findHistory(temporal, id);
    return history === null || (history.status === 'RUNNING' && history.anchors.size === 0);
  };
  const check = (ids: readonly string[]) =>
    recheckUntilStable(parts, ids, async (subjects) => {
      const known = await reads.filterKnownOrders(subjects);
      return mapInBatches(
        subjects,
        async (id): Promise<Finding[]> =>
          known.has(id) || (await waits(id))
            ? []
            : [{ check: 'order_missing', subject: id, detail: 'it has a workflow and no order' }],
      );
    });
  // A workflow is listed once for each of its runs.
  const ids = new Set<string>();
  for await (const { workflowId } of temporal.workflow.list({ query, pageSize: MAX_LISTED })) {
    ids.add(workflowId);
    if (ids.size < MAX_LISTED) continue;
    yield await check([...ids]);
    ids.clear();
  }
  yield await check([...ids]);
}

/** Runs `work` over the items, some at a time, and keeps the order of the results. Nothing runs on after a failure. */
async function mapInBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += CONCURRENT_CALLS) {
    const some = items.slice(i, i + CONCURRENT_CALLS).map(work);
    await Promise.allSettled(some);
    results.push(...(await Promise.all(some)));
  }
  return results;
}
