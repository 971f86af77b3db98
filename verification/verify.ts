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
  /** Task queue of the order workflows; workflows on other queues are ignored. */
  taskQueue: string;
  /** Delay before the first recheck in milliseconds; doubles with each further recheck. */
  pauseMs?: number;
}

export interface VerificationSummary {
  orders: number;
  streams: number;
  findings: number;
}

/** Page sizes bound the memory, whatever the number of orders. */
const STREAM_PAGE_SIZE = 50;
const EVENT_PAGE_SIZE = 200;
const MAX_LISTED = 100;
const CONCURRENT_CALLS = 10;

/**
 * Compares workflow history, log, ledger, the provider's records, reservations and stock, for the given orders or for
 * all, open and closed.
 * @param onFinding called with each finding as it is made.
 */
export async function verify(
  parts: VerifyDependencies,
  onFinding: (finding: Finding) => void,
  orderIds?: readonly string[],
): Promise<VerificationSummary> {
  const summary: VerificationSummary = { orders: 0, streams: 0, findings: 0 };
  const report = (findings: readonly Finding[]) => {
    summary.findings += findings.length;
    for (const finding of findings) onFinding(finding);
  };
  for await (const streams of listStreamPages(parts, orderIds)) {
    // Seeded products have no head.
    summary.streams += (await parts.reads.findHeads(streams)).size;
    summary.orders += streams.filter(isOrderId).length;
    report(await recheckUntilStable(parts, streams, (page) => checkStreams(parts, page)));
  }
  if (orderIds === undefined) {
    report(await checkStock(parts));
    for await (const { streams, findings } of checkAllStock(parts)) {
      summary.streams += streams;
      report(findings);
    }
    for await (const findings of checkWarehouses(parts)) report(findings);
    report(await checkFeed(parts));
    for await (const findings of checkUnrecordedIntents(parts.provider, parts.reads)) report(findings);
    for await (const findings of checkWorkflows(parts)) report(findings);
  }
  return summary;
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
    // Stock streams are unbounded; checkAllStock reads them in pages.
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
      const projection = new ProductProjection(sku);
      const findings = await checkUnboundedStream(parts, id, head, (event) => projection.apply(event));
      if (findings.length > 0) return findings;
      return projection.check({ product: await parts.store.products.find(sku), terms: terms.get(sku) ?? [] });
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

/** Streams of accounts and products grow without bound, so they are read in pages. */
const isUnboundedStream = (stream: string): boolean => !isOrderId(stream) && !isImportId(stream);

/** @param onEvent called with each event while the chain is intact. */
async function checkUnboundedStream(
  { stockReads, auditKey }: VerifyDependencies,
  stream: string,
  head: StreamHead | undefined,
  onEvent: (event: CloudEvent) => void = () => undefined,
): Promise<Finding[]> {
  const chain = new ChainVerifier(stream, auditKey);
  for await (const rows of readPages(
    (seq) => stockReads.findEvents(stream, seq, EVENT_PAGE_SIZE),
    ({ seq }) => seq,
  )) {
    chain.add(rows);
    if (chain.isIntact) rows.map(parseEvent).forEach(onEvent);
  }
  // Seeded rows have no log.
  return head === undefined && chain.isEmpty ? [] : chain.finish(head);
}

async function verifyImport({ store, auditKey }: VerifyDependencies, log: StoredStream): Promise<Finding[]> {
  const findings = checkChainIfPresent(log, auditKey);
  if (findings.length > 0) return findings;
  return checkImport(log.stream, parseEvents(log), await store.productImports.find(log.stream));
}

/** Seeded rows have no log. */
const checkChainIfPresent = (log: StoredStream, key: Buffer): Finding[] =>
  log.rows.length === 0 && log.head === undefined ? [] : checkChain(log, key);
const parseEvent = ({ body }: LogRow): CloudEvent => JSON.parse(body) as CloudEvent;
const parseEvents = ({ rows }: StoredStream): CloudEvent[] => rows.map(parseEvent);

/** The history proves the log and the log proves the rows; a broken log proves nothing. */
async function verifyOrder(
  parts: VerifyDependencies,
  log: StoredStream,
  rows: Pick<StoredOrder, 'order' | 'ledger' | 'reservations'>,
): Promise<Finding[]> {
  const id = log.stream;
  if (rows.order === null && log.rows.length === 0 && log.head === undefined) {
    return [{ check: 'order_missing', subject: id, detail: 'neither the order nor its log exists' }];
  }
  const history = await findHistory(parts.temporal, id);
  const findings = checkChain(log, parts.auditKey);
  if (history !== null) findings.push(...checkAnchors(log, history.anchors));
  const isIntact = findings.length === 0;
  const events = isIntact ? parseEvents(log) : [];
  const projected = projectOrder(id, events);
  const stored: StoredOrder = { id, events, ...rows };
  if (isIntact) findings.push(...checkOrder(stored, projected));
  const status = projected?.status ?? rows.order?.status;
  findings.push(...(await checkProvider(parts.provider, stored, status)));
  if (status !== undefined) findings.push(...checkWorkflow(id, status, history));
  return findings;
}

/** Null if Temporal has no history: closed workflows are deleted after the retention period. */
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
    ? [
        {
          check: 'projection_mismatch',
          subject,
          detail: `the order is ${status} and its workflow still runs`,
        },
      ]
    : [
        {
          check: 'workflow_missing',
          subject,
          detail: `the order is ${status} and its workflow is ${history?.status ?? 'missing'}`,
        },
      ];
}

async function checkStock({ reads }: VerifyDependencies): Promise<Finding[]> {
  const [mismatches, orphaned] = await Promise.all([
    reads.findStockMismatches(MAX_LISTED),
    reads.findOrphanedReservations(MAX_LISTED),
  ]);
  return [
    ...mismatches.map(
      (s): Finding => ({
        check: 'stock_mismatch',
        subject: `${s.sku} in ${s.warehouse}`,
        detail: `${s.onHand} on hand, ${s.reserved} reserved, ${Number(s.held)} in live reservations`,
      }),
    ),
    ...orphaned.map(
      (r): Finding => ({
        check: 'stock_mismatch',
        subject: r.id,
        detail: 'the reservation has no stock level',
      }),
    ),
  ];
}

async function checkFeed({ reads }: VerifyDependencies): Promise<Finding[]> {
  const [unpublishable, invalid, dangling, { last, rows }] = await Promise.all([
    reads.findUnpublishableEvents(MAX_LISTED),
    reads.findInvalidOutboxRows(MAX_LISTED),
    reads.findDanglingPositions(MAX_LISTED),
    reads.getFeedSize(),
  ]);
  const mismatch = (subject: string, detail: string): Finding => ({
    check: 'feed_mismatch',
    subject,
    detail,
  });
  return [
    ...unpublishable.map((e) => mismatch(e.eventKey, 'the event can never be published')),
    ...invalid.map((o) =>
      mismatch(`event ${o.eventId}`, 'waits for a position, but is missing or already has one'),
    ),
    ...dangling.map((p) => mismatch(`position ${p.position}`, 'its event is missing')),
    ...(last === rows
      ? []
      : [mismatch('feed', `the last position is ${last}, but there are ${rows} positions`)]),
  ];
}

/**
 * Finds workflows without a stored order. A running workflow may not have stored its order yet.
 */
async function* checkWorkflows(parts: VerifyDependencies): AsyncGenerator<Finding[]> {
  const { temporal, reads, taskQueue } = parts;
  const query = `WorkflowType = "${ORDER_WORKFLOW}" AND TaskQueue = "${taskQueue}"`;
  const mayBeUnstored = async (id: string): Promise<boolean> => {
    const history = await findHistory(temporal, id);
    return history === null || (history.status === 'RUNNING' && history.anchors.size === 0);
  };
  const check = (ids: readonly string[]) =>
    recheckUntilStable(parts, ids, async (subjects) => {
      const known = await reads.filterKnownOrders(subjects);
      return mapInBatches(
        subjects,
        async (id): Promise<Finding[]> =>
          known.has(id) || (await mayBeUnstored(id))
            ? []
            : [{ check: 'order_missing', subject: id, detail: 'the workflow has no order' }],
      );
    });
  // Visibility lists a workflow once per run.
  const ids = new Set<string>();
  for await (const { workflowId } of temporal.workflow.list({ query, pageSize: MAX_LISTED })) {
    ids.add(workflowId);
    if (ids.size < MAX_LISTED) continue;
    yield await check([...ids]);
    ids.clear();
  }
  yield await check([...ids]);
}

/** Maps items in batches, in order. After a failure no call is left running. */
async function mapInBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += CONCURRENT_CALLS) {
    const batch = items.slice(i, i + CONCURRENT_CALLS).map(work);
    await Promise.allSettled(batch);
    results.push(...(await Promise.all(batch)));
  }
  return results;
}
