import { setTimeout as delay } from 'node:timers/promises';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { AuditReads } from '../db/audit';
import type { Store } from '../db/store';
import type { CloudEvent } from '../domain/events';
import { isOrderId } from '../domain/ids';
import { isClosed } from '../domain/order';
import type { PaymentProvider } from '../payments/provider';
import { readWorkflowHistory, type WorkflowHistory } from '../temporal/history';
import { ORDER_WORKFLOW } from '../workflows/messages';
import { checkAnchors, checkChain, type StoredStream } from './chain';
import type { Finding } from './findings';
import { checkOrder, ledgerSum, type StoredOrder } from './order';

export interface VerifyParts {
  store: Store;
  reads: AuditReads;
  /** Key of the log's hashes. */
  auditKey: Buffer;
  provider: PaymentProvider;
  temporal: Client;
  /** Orders' workflows run on it; others in the namespace are somebody else's. */
  taskQueue: string;
}

export interface Verified {
  orders: number;
  streams: number;
  findings: number;
}

/** Streams read at once: what memory holds does not grow with the number of orders. */
const PAGE = 50;
const LISTED = 100;
const CONCURRENT_CALLS = 10;
/** An order that moves while it is read may seem to disagree with itself; it is read again. */
const LOOKS = 4;
const PAUSE_MS = 500;

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
    verified.streams += streams.length;
    verified.orders += streams.filter(isOrderId).length;
    report(await settled(streams, (some) => checkStreams(parts, some)));
  }
  if (orderIds === undefined) {
    report(await checkStock(parts));
    report(await checkFeed(parts));
    for await (const findings of checkProviderBooks(parts)) report(findings);
    for await (const findings of checkRunningWorkflows(parts)) report(findings);
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
    yield streams;
    after = last;
  }
}

/** Looks again at what had findings, until they are gone or have stayed. */
async function settled(
  subjects: readonly string[],
  check: (subjects: readonly string[]) => Promise<Finding[]>,
): Promise<Finding[]> {
  let findings = await check(subjects);
  for (let look = 1; look < LOOKS && findings.length > 0; look += 1) {
    await delay(PAUSE_MS);
    const again = new Set(findings.map((f) => f.subject));
    findings = await check(subjects.filter((s) => again.has(s)));
  }
  return findings;
}

async function checkStreams(parts: VerifyParts, streams: readonly string[]): Promise<Finding[]> {
  const { reads, auditKey } = parts;
  const orderIds = streams.filter(isOrderId);
  const [events, heads, ledger, reservations] = await Promise.all([
    reads.events(streams),
    reads.heads(streams),
    reads.ledger(orderIds),
    reads.reservations(orderIds),
  ]);
  const stored = (stream: string): StoredStream => ({
    stream,
    rows: events.get(stream) ?? [],
    head: heads.get(stream),
  });
  const chains = streams.flatMap((stream) => checkChain(stored(stream), auditKey));
  const orders = await inTurns(orderIds, async (id) => {
    const order: StoredOrder = {
      id,
      order: await parts.store.orders.find(id),
      events: stored(id).rows.flatMap((row) => parse(row.body)),
      ledger: ledger.get(id) ?? [],
      reservations: reservations.get(id) ?? [],
    };
    return [
      ...checkOrder(order),
      ...(await checkWorkflow(parts, order, stored(id))),
      ...(await checkProvider(parts, order)),
    ];
  });
  return [...chains, ...orders.flat()];
}

/** A body that is not JSON any more is a finding of the chain already. */
function parse(body: string): CloudEvent[] {
  try {
    return [JSON.parse(body) as CloudEvent];
  } catch {
    return [];
  }
}

async function checkWorkflow(
  { temporal }: VerifyParts,
  { id, order }: StoredOrder,
  stream: StoredStream,
): Promise<Finding[]> {
  const missing = (detail: string): Finding[] => [{ check: 'workflow_missing', subject: id, detail }];
  let history: WorkflowHistory;
  try {
    history = await readWorkflowHistory(temporal, id);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    // Temporal forgets closed workflows; what they did is in the log.
    return order === null || isClosed(order.status) ? [] : missing('it is open and has no workflow');
  }
  const findings = checkAnchors(stream, history.anchors);
  const told = Math.max(0, ...history.anchors.keys());
  const unknown = stream.rows.filter((row) => row.seq > told).length;
  if (unknown > 0 && findings.length === 0) {
    findings.push({
      check: 'anchor_mismatch',
      subject: id,
      detail: `the history does not know the last ${unknown} events`,
    });
  }
  if (order !== null && !isClosed(order.status) && history.status !== 'RUNNING') {
    findings.push(...missing(`it is ${order.status} and its workflow is ${history.status}`));
  }
  if (order !== null && isClosed(order.status) && history.status === 'RUNNING') {
    findings.push({
      check: 'projection_mismatch',
      subject: id,
      detail: `it is ${order.status} and its workflow still runs`,
    });
  }
  return findings;
}

async function checkProvider(
  { provider }: VerifyParts,
  { id, ledger, order }: StoredOrder,
): Promise<Finding[]> {
  if (order === null) return [];
  const findings: Finding[] = [];
  for (const { intentId } of ledger.filter((e) => e.kind === 'intent')) {
    if (intentId === null) continue;
    const intent = await provider.retrieve(intentId);
    const of = ledger.filter((e) => e.intentId === intentId);
    const books = { captured: intent.capturedMinor, refunded: intent.refundedMinor };
    const rows = { captured: ledgerSum(of, 'captured'), refunded: ledgerSum(of, 'refunded') };
    if (books.captured - books.refunded !== rows.captured - rows.refunded) {
      findings.push({
        check: 'provider_mismatch',
        subject: id,
        detail: `${intentId}: the provider kept ${books.captured - books.refunded}, the ledger ${rows.captured - rows.refunded}`,
      });
    }
  }
  return findings;
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
  const [lost, dangling, { last, rows }] = await Promise.all([
    reads.unpublishable(LISTED),
    reads.danglingPositions(LISTED),
    reads.feedSize(),
  ]);
  const wrong = (subject: string, detail: string): Finding => ({ check: 'feed_mismatch', subject, detail });
  return [
    ...lost.map((e) => wrong(e.eventKey, 'no subscriber will ever see this event')),
    ...dangling.map((p) => wrong(`position ${p.position}`, 'its event is gone')),
    ...(last === rows ? [] : [wrong('feed', `the last position is ${last}, but there are ${rows}`)]),
  ];
}

/** Money at the provider that the ledger knows nothing of. */
async function* checkProviderBooks({ provider, reads }: VerifyParts): AsyncGenerator<Finding[]> {
  for (let after: string | undefined; ; ) {
    const intents = await provider.list({ ...(after === undefined ? {} : { after }), limit: LISTED });
    const last = intents.at(-1);
    if (last === undefined) return;
    const live = intents.filter((i) => i.capturedMinor > i.refundedMinor || i.state === 'authorized');
    const known = await reads.knownIntents(live.map((i) => i.id));
    yield live
      .filter((i) => !known.has(i.id))
      .map((i) => ({
        check: 'provider_mismatch',
        subject: i.orderId ?? i.id,
        detail: `${i.id}: the provider holds ${i.capturedMinor - i.refundedMinor}, the ledger does not know it`,
      }));
    after = last.id;
  }
}

async function* checkRunningWorkflows({
  temporal,
  reads,
  taskQueue,
}: VerifyParts): AsyncGenerator<Finding[]> {
  const query = `WorkflowType = "${ORDER_WORKFLOW}" AND ExecutionStatus = "Running" AND TaskQueue = "${taskQueue}"`;
  let ids: string[] = [];
  const check = (some: readonly string[]) =>
    settled(some, async (subjects) => {
      const known = await reads.knownOrders(subjects);
      return subjects
        .filter((id) => !known.has(id))
        .map((id): Finding => ({ check: 'order_missing', subject: id, detail: 'its workflow runs' }));
    });
  for await (const { workflowId } of temporal.workflow.list({ query, pageSize: LISTED })) {
    ids.push(workflowId);
    if (ids.length < LISTED) continue;
    yield await check(ids);
    ids = [];
  }
  yield await check(ids);
}

/** Runs `work` over the items, some at a time, and keeps the order of the results. */
async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let i = 0; i < items.length; i += CONCURRENT_CALLS) {
    results.push(...(await Promise.all(items.slice(i, i + CONCURRENT_CALLS).map(work))));
  }
  return results;
}
