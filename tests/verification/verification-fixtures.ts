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

/** Between the checks of a changing subject: short, as nothing changes during a test. */
const PAUSE_MS = 10;

export const createVerifyDependencies = (testEnv: WorkflowTestEnv): VerifyDependencies => ({
  store: testEnv.store,
  reads: createVerificationReader(testEnv.store.db),
  stockReads: createStockVerificationReader(testEnv.store.db),
  auditKey: TEST_AUDIT_KEY,
  provider: testEnv.provider,
  temporal: testEnv.client,
  taskQueue: testEnv.queues.orders,
});

/** The distinct, sorted check codes of each subject. */
export type FindingsBySubject = Record<string, CheckCode[]>;

/** Verifies the given orders, or everything. @param changes replaces dependencies. */
export async function runVerification(
  testEnv: WorkflowTestEnv,
  orderIds?: string[],
  changes: Partial<VerifyDependencies> = {},
): Promise<{ summary: VerificationSummary; findings: FindingsBySubject }> {
  const reported: Finding[] = [];
  const dependencies = { ...createVerifyDependencies(testEnv), pauseMs: PAUSE_MS, ...changes };
  const summary = await verify(dependencies, (finding) => reported.push(finding), orderIds);
  return { summary, findings: groupFindings(reported) };
}

export function groupFindings(findings: readonly Finding[]): FindingsBySubject {
  const bySubject: FindingsBySubject = {};
  for (const { subject, check } of findings) {
    bySubject[subject] = [...new Set([...(bySubject[subject] ?? []), check])].sort();
  }
  return bySubject;
}

/** Creates orders in every state that they can remain in. */
export const orderFixtures = {
  confirmed: async (testEnv: WorkflowTestEnv, sku = 'walnut-desk', quantity = 1) =>
    testEnv.placeOrder(await testEnv.createOrderInput({ [sku]: quantity })),

  declined: async (testEnv: WorkflowTestEnv) =>
    testEnv.placeOrder(await testEnv.createOrderInput({ 'walnut-desk': 1 }, 'pm_card_visa_chargeDeclined')),

  outOfStock: async (testEnv: WorkflowTestEnv) =>
    testEnv.placeOrder(await testEnv.createOrderInput({ 'limited-1': 2 })),

  async cancelledAfterPayment(testEnv: WorkflowTestEnv, sku = 'walnut-desk'): Promise<Order> {
    const { id } = await orderFixtures.confirmed(testEnv, sku);
    await testEnv.getHandle(id).signal(cancelOrder, { reason: 'changed my mind' });
    return waitForClosedOrder(testEnv, id);
  },

  async cancelledBeforePayment(testEnv: WorkflowTestEnv): Promise<Order> {
    const input = await testEnv.createOrderInput();
    await testEnv.client.workflow.signalWithStart(ORDER_WORKFLOW, {
      workflowId: input.order.id,
      taskQueue: testEnv.queues.orders,
      args: [input],
      signal: cancelOrder,
      signalArgs: [{ reason: 'at once' }],
    });
    return waitForClosedOrder(testEnv, input.order.id);
  },

  /** The provider captures the payment, its responses are lost; after the deadline the order is rejected and refunded. */
  async rejectedAfterLostResponse(testEnv: WorkflowTestEnv): Promise<Order> {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    await testEnv.injectFault({ operation: 'confirm', mode: 'drop_after', match: { orderId: id } });
    await testEnv.placeOrder({ ...input, policy: { ...input.policy, paymentDeadlineMs: 700 } });
    return waitForClosedOrder(testEnv, id);
  },

  /** Refunds of the order fail until the test environment is closed. */
  async cancelling(testEnv: WorkflowTestEnv): Promise<Order> {
    const { id } = await orderFixtures.confirmed(testEnv);
    await testEnv.injectFault({ operation: 'refund', mode: 'fail_before', match: { orderId: id } });
    await testEnv.getHandle(id).signal(cancelOrder);
    return eventually('the order requires attention and its history has the anchor', async () => {
      const order = await testEnv.store.orders.find(id);
      const { anchors } = await readWorkflowHistory(testEnv.client, id);
      return order?.attention != null && anchors.has((await testEnv.listEventTypes(id)).length) && order;
    });
  },
};

async function waitForClosedOrder(testEnv: WorkflowTestEnv, id: string): Promise<Order> {
  await testEnv.getHandle(id).result();
  return (await testEnv.store.orders.find(id)) as Order;
}

/** Assigns every event its feed position, as the sequencer does. */
export async function publishEvents(testEnv: WorkflowTestEnv): Promise<void> {
  const { feed } = testEnv.store;
  const lease = { name: 'sequencer', holder: 'test', nowMs: Date.now() };
  await feed.acquireLease(lease.name, lease.holder, lease.nowMs, TEST_TIMEOUT_MS);
  while ((await feed.publishBatch(lease, 500)) > 0);
}

/** Runs one statement outside of the application. */
export async function executeSql(
  testEnv: WorkflowTestEnv,
  statement: string,
  params: Params = {},
): Promise<void> {
  const { db } = testEnv.store;
  await db.write((tx) => execute(db, statement, params, tx));
}

/** Drops the triggers that reject changes of the log, the ledger and the stock movements. */
export async function dropAppendOnlyTriggers(testEnv: WorkflowTestEnv): Promise<void> {
  for (const table of ['events', 'payment_ledger', 'stock_movements']) {
    for (const change of ['update', 'delete'])
      await executeSql(testEnv, `DROP TRIGGER ${table}_no_${change}`);
  }
}

export async function queryRow<Row extends object>(
  testEnv: WorkflowTestEnv,
  query: string,
  params: Params,
): Promise<Row> {
  const [row] = await select<Row>(testEnv.store.db, query, params);
  if (row === undefined) throw new Error(`no row: ${query}`);
  return row;
}

/** The feed position of an event, as the subject of a finding. */
export async function describeFeedPosition(
  testEnv: WorkflowTestEnv,
  stream: string,
  seq: number,
): Promise<string> {
  const { position } = await queryRow<{ position: number }>(
    testEnv,
    'SELECT f.position FROM event_feed f JOIN events e ON e.id = f.event_id WHERE e.stream = :stream AND e.seq = :seq',
    { stream, seq },
  );
  return `position ${position}`;
}

/** Deletes every row of the order and releases its stock, so that no other subject has a finding. */
export async function deleteOrderRows(testEnv: WorkflowTestEnv, id: string): Promise<void> {
  const reservations = await select<{ sku: string; warehouse: string; quantity: number }>(
    testEnv.store.db,
    "SELECT sku, warehouse, quantity FROM reservations WHERE order_id = :id AND state = 'held'",
    { id },
  );
  for (const reservation of reservations) {
    const release =
      'UPDATE stock SET reserved = reserved - :quantity WHERE sku = :sku AND warehouse = :warehouse';
    await executeSql(testEnv, release, reservation);
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
    await executeSql(testEnv, `DELETE FROM ${rows}`, { id });
  }
}

/** Sets the head to the last stored event. */
export async function recomputeStreamHead(testEnv: WorkflowTestEnv, stream: string): Promise<void> {
  await executeSql(
    testEnv,
    `UPDATE event_streams SET
       hash = (SELECT hash FROM events WHERE stream = :stream ORDER BY seq DESC LIMIT 1),
       seq = (SELECT MAX(seq) FROM events WHERE stream = :stream)
     WHERE stream = :stream`,
    { stream },
  );
}
