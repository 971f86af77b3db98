import { execute, type Params, select } from '../../db/core/sql';
import { createStockVerificationReader } from '../../db/verification/stock-verification-reader';
import { createVerificationReader } from '../../db/verification/verification-reader';
import type { Order } from '../../domain/orders/order';
import { readWorkflowHistory } from '../../integrations/temporal/history';
import type { CheckCode, Finding } from '../../verification/findings';
import { type VerificationSummary, type VerifyDependencies, verify } from '../../verification/verify';
import { cancelOrder, ORDER_WORKFLOW } from '../../workflows/orders/messages';
import { eventually } from '../harness/eventually';
import { TEST_AUDIT_KEY } from '../harness/servers/databases';
import type { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

const TEST_TIMEOUT_MS = 240_000;
jest.setTimeout(TEST_TIMEOUT_MS);

/** What stands still needs no patience. */
const PAUSE_MS = 10;

export const createVerifyDependencies = (lab: WorkflowTestEnv): VerifyDependencies => ({
  store: lab.store,
  reads: createVerificationReader(lab.store.db),
  stockReads: createStockVerificationReader(lab.store.db),
  auditKey: TEST_AUDIT_KEY,
  provider: lab.provider,
  temporal: lab.client,
  taskQueue: lab.queues.orders,
});

/** Subject → what was found of it, each code once. */
export type FindingsBySubject = Record<string, CheckCode[]>;

/** Runs the check on a shop that stands still. */
export async function runVerification(
  lab: WorkflowTestEnv,
  orderIds?: string[],
  changes: Partial<VerifyDependencies> = {},
): Promise<{ verified: VerificationSummary; blamed: FindingsBySubject }> {
  const findings: Finding[] = [];
  const parts = { ...createVerifyDependencies(lab), pauseMs: PAUSE_MS, ...changes };
  const verified = await verify(parts, (finding) => findings.push(finding), orderIds);
  return { verified, blamed: groupFindings(findings) };
}

export function groupFindings(findings: readonly Finding[]): FindingsBySubject {
  const blamed: FindingsBySubject = {};
  for (const { subject, check } of findings) {
    blamed[subject] = [...new Set([...(blamed[subject] ?? []), check])].sort();
  }
  return blamed;
}

/** Orders of one lab in every state they can rest in. */
export const orderFixtures = {
  confirmed: async (lab: WorkflowTestEnv, sku = 'walnut-desk', quantity = 1) =>
    lab.placeOrder(await lab.createOrderInput({ [sku]: quantity })),

  declined: async (lab: WorkflowTestEnv) =>
    lab.placeOrder(await lab.createOrderInput({ 'walnut-desk': 1 }, 'pm_card_visa_chargeDeclined')),

  outOfStock: async (lab: WorkflowTestEnv) => lab.placeOrder(await lab.createOrderInput({ 'limited-1': 2 })),

  async cancelledAfterPayment(lab: WorkflowTestEnv, sku = 'walnut-desk'): Promise<Order> {
    const { id } = await orderFixtures.confirmed(lab, sku);
    await lab.getHandle(id).signal(cancelOrder, { reason: 'changed my mind' });
    return waitForClosedOrder(lab, id);
  },

  async cancelledBeforePayment(lab: WorkflowTestEnv): Promise<Order> {
    const input = await lab.createOrderInput();
    await lab.client.workflow.signalWithStart(ORDER_WORKFLOW, {
      workflowId: input.order.id,
      taskQueue: lab.queues.orders,
      args: [input],
      signal: cancelOrder,
      signalArgs: [{ reason: 'at once' }],
    });
    return waitForClosedOrder(lab, input.order.id);
  },

  /** The provider takes the money and its answers are lost, until the order is given up and the money given back. */
  async rejectedAfterLostResponse(lab: WorkflowTestEnv): Promise<Order> {
    const input = await lab.createOrderInput();
    const { id } = input.order;
    await lab.injectFault({ operation: 'confirm', mode: 'drop_after', match: { orderId: id } });
    await lab.placeOrder({ ...input, policy: { ...input.policy, paymentDeadlineMs: 700 } });
    return waitForClosedOrder(lab, id);
  },

  /** The provider refuses to refund, for as long as the lab is open. */
  async cancelling(lab: WorkflowTestEnv): Promise<Order> {
    const { id } = await orderFixtures.confirmed(lab);
    await lab.injectFault({ operation: 'refund', mode: 'fail_before', match: { orderId: id } });
    await lab.getHandle(id).signal(cancelOrder);
    return eventually('the order needs attention, and its history knows', async () => {
      const order = await lab.store.orders.find(id);
      const { anchors } = await readWorkflowHistory(lab.client, id);
      return order?.attention != null && anchors.has((await lab.listEventTypes(id)).length) && order;
    });
  },
};

async function waitForClosedOrder(lab: WorkflowTestEnv, id: string): Promise<Order> {
  await lab.getHandle(id).result();
  return (await lab.store.orders.find(id)) as Order;
}

/** Gives every event its position, as the sequencer does. */
export async function publishEvents(lab: WorkflowTestEnv): Promise<void> {
  const { feed } = lab.store;
  const lease = { name: 'sequencer', holder: 'test', nowMs: Date.now() };
  await feed.acquireLease(lease.name, lease.holder, lease.nowMs, TEST_TIMEOUT_MS);
  while ((await feed.publishBatch(lease, 500)) > 0);
}

/** One statement of somebody with all rights. */
export async function executeSql(
  lab: WorkflowTestEnv,
  statement: string,
  params: Params = {},
): Promise<void> {
  const { db } = lab.store;
  await db.write((tx) => execute(db, statement, params, tx));
}

/** Takes away what keeps the log and the ledger from being rewritten. */
export async function dropAppendOnlyTriggers(lab: WorkflowTestEnv): Promise<void> {
  for (const table of ['events', 'payment_ledger', 'stock_movements']) {
    for (const change of ['update', 'delete']) await executeSql(lab, `DROP TRIGGER ${table}_no_${change}`);
  }
}

export async function queryRow<Row extends object>(
  lab: WorkflowTestEnv,
  query: string,
  params: Params,
): Promise<Row> {
  const [row] = await select<Row>(lab.store.db, query, params);
  if (row === undefined) throw new Error(`nothing found: ${query}`);
  return row;
}

/** Name of the position that an event of the stream has in the feed, as findings call it. */
export async function describeFeedPosition(
  lab: WorkflowTestEnv,
  stream: string,
  seq: number,
): Promise<string> {
  const { position } = await queryRow<{ position: number }>(
    lab,
    'SELECT f.position FROM event_feed f JOIN events e ON e.id = f.event_id WHERE e.stream = :stream AND e.seq = :seq',
    { stream, seq },
  );
  return `position ${position}`;
}

/** Deletes every row that names the order, and what claims its stock, so that nothing else disagrees. */
export async function deleteOrderRows(lab: WorkflowTestEnv, id: string): Promise<void> {
  const held = await select<{ sku: string; warehouse: string; quantity: number }>(
    lab.store.db,
    "SELECT sku, warehouse, quantity FROM reservations WHERE order_id = :id AND state = 'held'",
    { id },
  );
  for (const of of held) {
    const free =
      'UPDATE stock SET reserved = reserved - :quantity WHERE sku = :sku AND warehouse = :warehouse';
    await executeSql(lab, free, of);
  }
  const events = '(SELECT id FROM events WHERE stream = :id)';
  for (const rows of [
    `event_outbox WHERE event_id IN ${events}`,
    'events WHERE stream = :id',
    'event_streams WHERE stream = :id',
    'orders WHERE id = :id',
    'order_lines WHERE order_id = :id',
    'reservations WHERE order_id = :id',
    'payment_ledger WHERE order_id = :id',
  ]) {
    await executeSql(lab, `DELETE FROM ${rows}`, { id });
  }
}

/** Makes the head fit the last event there is. */
export async function recomputeStreamHead(lab: WorkflowTestEnv, stream: string): Promise<void> {
  await executeSql(
    lab,
    `UPDATE event_streams SET
       hash = (SELECT hash FROM events WHERE stream = :stream ORDER BY seq DESC LIMIT 1),
       seq = (SELECT MAX(seq) FROM events WHERE stream = :stream)
     WHERE stream = :stream`,
    { stream },
  );
}
