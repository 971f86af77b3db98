import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ulid } from 'ulid';
import { select } from '../../../db/core/sql';
import type { ReconciliationFinding } from '../../../db/orders/reconciliation';
import type { ReconcilePolicy } from '../../../domain/shared/policy';
import { toOrderStartOptions } from '../../../integrations/temporal/order-start-options';
import {
  getOrder,
  ORDER_WORKFLOW,
  type OrderInput,
  RECONCILE_WORKFLOW,
  type ReconcileInput,
  type ReconcileResult,
} from '../../../workflows/messages';
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

/** `temporal workflow …`, as people type it. @returns what it prints. */
export async function runWorkflowCommand(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(getServerConfig().temporalCli, [
    ...['workflow', ...args],
    ...['--address', getTemporalAddress()],
  ]);
  return stdout;
}

export const terminateWorkflow = (id: string) =>
  runWorkflowCommand('terminate', '--workflow-id', id, '--reason', 'by hand');

/** Writes down what is promised and starts the workflow, as the API does. */
export async function startOrder(lab: WorkflowTestEnv, input: OrderInput): Promise<void> {
  await claimPlacement(lab, input);
  await lab.client.workflow.start(ORDER_WORKFLOW, toOrderStartOptions(input));
}

export const claimPlacement = (lab: WorkflowTestEnv, input: OrderInput): Promise<void> =>
  lab.store.db.write((tx) =>
    lab.store.placements.claim(
      {
        orderId: input.order.id,
        caller: 'test',
        idempotencyKey: null,
        bodyHash: 'x',
        input: JSON.stringify(input),
        createdAtMs: input.order.placedAtMs,
      },
      tx,
    ),
  );

export async function waitForStatus(lab: WorkflowTestEnv, id: string, status: string): Promise<void> {
  await eventually(
    `order ${id} ${status}`,
    async () => (await lab.store.orders.find(id))?.status === status,
    120_000,
  );
}

/** An order that is paid and rests. */
export async function createConfirmedOrder(lab: WorkflowTestEnv): Promise<string> {
  const input = await lab.createOrderInput();
  await startOrder(lab, input);
  await waitUntilConfirmed(lab, input.order.id);
  return input.order.id;
}

/** SQL says `confirmed` within the workflow task that writes it: a query is answered when that task has ended. */
export async function waitUntilConfirmed(lab: WorkflowTestEnv, id: string): Promise<void> {
  await waitForStatus(lab, id, 'confirmed');
  expect(await lab.getHandle(id).query(getOrder)).toMatchObject({ status: 'confirmed' });
}

const createReconcileOptions = (lab: WorkflowTestEnv, policy: Partial<ReconcilePolicy>) => {
  const input: ReconcileInput = { policy: { ...SHORT_RECONCILE_POLICY, ...policy } };
  return { workflowId: `reconcile-${ulid()}`, taskQueue: lab.queues.orders, args: [input] };
};

/** One run, from the beginning. */
export const reconcile = (
  lab: WorkflowTestEnv,
  policy: Partial<ReconcilePolicy> = {},
): Promise<ReconcileResult> =>
  lab.client.workflow.execute(
    RECONCILE_WORKFLOW,
    createReconcileOptions(lab, policy),
  ) as Promise<ReconcileResult>;

/** What a Schedule of the test's own starts. */
export const createReconcileAction = (lab: WorkflowTestEnv, policy: Partial<ReconcilePolicy>) =>
  ({
    type: 'startWorkflow',
    workflowType: RECONCILE_WORKFLOW,
    ...createReconcileOptions(lab, policy),
  }) as const;

/** Reconciles until that order was dealt with: Temporal's lists lag behind. */
export async function reconcileUntilHandled(
  lab: WorkflowTestEnv,
  id: string,
  policy: Partial<ReconcilePolicy> = {},
): Promise<ReconciliationFinding> {
  return eventually(
    `order ${id} to be dealt with`,
    async () => {
      await reconcile(lab, policy);
      return (await listFindings(lab, id)).at(-1);
    },
    120_000,
  );
}

/** Reconciles until nothing is wrong with that order, then twice more: nothing is left to be done. */
export async function reconcileUntilResolved(lab: WorkflowTestEnv, id: string): Promise<void> {
  await eventually(
    `order ${id} to be well`,
    async () => {
      await reconcile(lab);
      return (await listFindings(lab, id)).every(({ resolvedMs }) => resolvedMs !== null);
    },
    120_000,
  );
  const before = await listFindings(lab, id);
  for (let again = 0; again < 2; again += 1) {
    const { orders } = await reconcile(lab);
    expect(orders).not.toContain(id);
  }
  expect(await listFindings(lab, id)).toEqual(before);
}

export const listFindings = (lab: WorkflowTestEnv, orderId: string): Promise<ReconciliationFinding[]> =>
  select<ReconciliationFinding>(
    lab.store.db,
    `SELECT id, order_id AS orderId, problem, detail, action, run_id AS runId, restarts,
       first_seen_ms AS firstSeenMs, last_seen_ms AS lastSeenMs, next_check_ms AS nextCheckMs,
       resolved_ms AS resolvedMs
     FROM reconciliation_findings WHERE order_id = :orderId ORDER BY id`,
    { orderId },
  );
