import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ulid } from 'ulid';
import { select } from '../../../db/core/sql';
import type { ReconciliationFinding } from '../../../db/orders/reconciliation';
import type { ReconcilePolicy } from '../../../domain/shared/policy';
import { toOrderStartOptions } from '../../../integrations/temporal/order-start-options';
import { getOrder, ORDER_WORKFLOW, type OrderInput } from '../../../workflows/orders/messages';
import {
  RECONCILE_WORKFLOW,
  type ReconcileInput,
  type ReconcileResult,
} from '../../../workflows/reconciliation/messages';
import { eventually } from '../eventually';
import { getServerConfig } from '../servers/server-config';
import { getTemporalAddress, type WorkflowTestEnv } from './workflow-test-env';

/** Durations short enough for a test; everything else is as in production. */
export const SHORT_RECONCILE_POLICY: ReconcilePolicy = {
  graceMs: 200,
  taskStuckAfterMs: 1_500,
  taskStuckAfterAttempts: 3,
  restartPauseMs: 300,
  maxRestarts: 3,
  restartWindowMs: 60_000,
  recheckIntervalMs: 100,
  pageSize: 200,
};

/** Runs `temporal workflow …`. @returns its standard output. */
export async function runWorkflowCommand(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(getServerConfig().temporalCli, [
    ...['workflow', ...args],
    ...['--address', getTemporalAddress()],
  ]);
  return stdout;
}

export const terminateWorkflow = (id: string) =>
  runWorkflowCommand('terminate', '--workflow-id', id, '--reason', 'test');

/** Claims the placement and starts the workflow, as the API does. */
export async function startOrder(testEnv: WorkflowTestEnv, input: OrderInput): Promise<void> {
  await claimPlacement(testEnv, input);
  await testEnv.client.workflow.start(ORDER_WORKFLOW, toOrderStartOptions(input));
}

export const claimPlacement = (testEnv: WorkflowTestEnv, input: OrderInput): Promise<void> =>
  testEnv.store.db.write((tx) =>
    testEnv.store.placements.add(
      {
        orderId: input.order.id,
        input: JSON.stringify(input),
        createdAtMs: input.order.placedAtMs,
      },
      tx,
    ),
  );

export async function waitForStatus(testEnv: WorkflowTestEnv, id: string, status: string): Promise<void> {
  await eventually(
    `order ${id} to be ${status}`,
    async () => (await testEnv.store.orders.find(id))?.status === status,
    120_000,
  );
}

/** @returns the id of a paid order whose workflow is idle. */
export async function createConfirmedOrder(testEnv: WorkflowTestEnv): Promise<string> {
  const input = await testEnv.createOrderInput();
  await startOrder(testEnv, input);
  await waitUntilConfirmed(testEnv, input.order.id);
  return input.order.id;
}

/** SQL has `confirmed` before the workflow receives the result of the activity that stored it. */
export async function waitUntilConfirmed(testEnv: WorkflowTestEnv, id: string): Promise<void> {
  await waitForStatus(testEnv, id, 'confirmed');
  await eventually(
    `the workflow of order ${id} to be confirmed`,
    async () => (await testEnv.getHandle(id).query(getOrder)).status === 'confirmed',
  );
}

const createReconcileOptions = (testEnv: WorkflowTestEnv, policy: Partial<ReconcilePolicy>) => {
  const input: ReconcileInput = { policy: { ...SHORT_RECONCILE_POLICY, ...policy } };
  return { workflowId: `reconcile-${ulid()}`, taskQueue: testEnv.queues.orders, args: [input] };
};

/** Runs reconciliation once, without progress of earlier runs. */
export const reconcile = (
  testEnv: WorkflowTestEnv,
  policy: Partial<ReconcilePolicy> = {},
): Promise<ReconcileResult> =>
  testEnv.client.workflow.execute(
    RECONCILE_WORKFLOW,
    createReconcileOptions(testEnv, policy),
  ) as Promise<ReconcileResult>;

/** The action for a Schedule that the test creates. */
export const createReconcileAction = (testEnv: WorkflowTestEnv, policy: Partial<ReconcilePolicy>) =>
  ({
    type: 'startWorkflow',
    workflowType: RECONCILE_WORKFLOW,
    ...createReconcileOptions(testEnv, policy),
  }) as const;

/** Reconciles until the order has a finding: Temporal's visibility is eventually consistent. */
export async function reconcileUntilHandled(
  testEnv: WorkflowTestEnv,
  id: string,
  policy: Partial<ReconcilePolicy> = {},
): Promise<ReconciliationFinding> {
  return eventually(
    `a finding for order ${id}`,
    async () => {
      await reconcile(testEnv, policy);
      return (await listFindings(testEnv, id)).at(-1);
    },
    120_000,
  );
}

/** Reconciles until the order's workflow has completed. */
export async function reconcileUntilClosed(testEnv: WorkflowTestEnv, id: string): Promise<void> {
  await eventually(
    `the workflow of order ${id} to complete`,
    async () => {
      await reconcile(testEnv);
      return (await testEnv.getHandle(id).describe()).status.name === 'COMPLETED';
    },
    120_000,
  );
}

/** Reconciles until all findings of the order are resolved, then twice more to check that nothing changes. */
export async function reconcileUntilResolved(testEnv: WorkflowTestEnv, id: string): Promise<void> {
  await eventually(
    `the findings of order ${id} to be resolved`,
    async () => {
      await reconcile(testEnv);
      return (await listFindings(testEnv, id)).every(({ resolvedMs }) => resolvedMs !== null);
    },
    120_000,
  );
  const before = await listFindings(testEnv, id);
  for (let run = 0; run < 2; run += 1) {
    const { orders } = await reconcile(testEnv);
    expect(orders).not.toContain(id);
  }
  expect(await listFindings(testEnv, id)).toEqual(before);
}

export const listFindings = (testEnv: WorkflowTestEnv, orderId: string): Promise<ReconciliationFinding[]> =>
  select<ReconciliationFinding>(
    testEnv.store.db,
    `SELECT id, order_id AS orderId, problem, detail, action, run_id AS runId, restarts,
       first_seen_ms AS firstSeenMs, last_seen_ms AS lastSeenMs, next_check_ms AS nextCheckMs,
       resolved_ms AS resolvedMs
     FROM reconciliation_findings WHERE order_id = :orderId ORDER BY id`,
    { orderId },
  );
