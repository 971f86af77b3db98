import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ulid } from 'ulid';
import { select } from '../../../db/core/sql';
import type { ReconciliationFinding } from '../../../db/orders/reconciliation';
import type { ReconcilePolicy } from '../../../domain/shared/policy';
import { orderStartOptions } from '../../../integrations/temporal/order-start';
import {
  getOrder,
  ORDER_WORKFLOW,
  type OrderInput,
  RECONCILE_WORKFLOW,
  type ReconcileInput,
  type ReconcileResult,
} from '../../../workflows/messages';
import { eventually } from '../eventually';
import { sharedServers } from '../servers/servers';
import { type Lab, temporalAddress } from './lab';

/** Durations short enough for a test; everything else is as in production. */
export const SHORT_RECONCILE_POLICY: ReconcilePolicy = {
  graceMs: 200,
  taskStuckAfterMs: 1_500,
  taskStuckAfterAttempts: 3,
  restartPauseMs: 300,
  maxRestarts: 3,
  restartWindowMs: 60_000,
  lookAgainMs: 100,
  pageRows: 200,
};

/** `temporal workflow …`, as people type it. @returns what it prints. */
export async function temporalWorkflow(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(sharedServers().temporalCli, [
    ...['workflow', ...args],
    ...['--address', temporalAddress()],
  ]);
  return stdout;
}

export const terminate = (id: string) =>
  temporalWorkflow('terminate', '--workflow-id', id, '--reason', 'by hand');

/** Writes down what is promised and starts the workflow, as the API does. */
export async function begin(lab: Lab, input: OrderInput): Promise<void> {
  await claim(lab, input);
  await lab.client.workflow.start(ORDER_WORKFLOW, orderStartOptions(input));
}

export const claim = (lab: Lab, input: OrderInput): Promise<void> =>
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

export async function untilStatus(lab: Lab, id: string, status: string): Promise<void> {
  await eventually(
    `order ${id} ${status}`,
    async () => (await lab.store.orders.find(id))?.status === status,
    120_000,
  );
}

/** An order that is paid and rests. */
export async function confirmedOrder(lab: Lab): Promise<string> {
  const input = await lab.input();
  await begin(lab, input);
  await untilRests(lab, input.order.id);
  return input.order.id;
}

/** SQL says `confirmed` within the workflow task that writes it: a query is answered when that task has ended. */
export async function untilRests(lab: Lab, id: string): Promise<void> {
  await untilStatus(lab, id, 'confirmed');
  expect(await lab.handle(id).query(getOrder)).toMatchObject({ status: 'confirmed' });
}

const reconciling = (lab: Lab, policy: Partial<ReconcilePolicy>) => {
  const input: ReconcileInput = { policy: { ...SHORT_RECONCILE_POLICY, ...policy } };
  return { workflowId: `reconcile-${ulid()}`, taskQueue: lab.queues.orders, args: [input] };
};

/** One run, from the beginning. */
export const reconcile = (lab: Lab, policy: Partial<ReconcilePolicy> = {}): Promise<ReconcileResult> =>
  lab.client.workflow.execute(RECONCILE_WORKFLOW, reconciling(lab, policy)) as Promise<ReconcileResult>;

/** What a Schedule of the test's own starts. */
export const reconcileAction = (lab: Lab, policy: Partial<ReconcilePolicy>) =>
  ({
    type: 'startWorkflow',
    workflowType: RECONCILE_WORKFLOW,
    ...reconciling(lab, policy),
  }) as const;

/** Reconciles until that order was dealt with: Temporal's lists lag behind. */
export async function untilDealtWith(
  lab: Lab,
  id: string,
  policy: Partial<ReconcilePolicy> = {},
): Promise<ReconciliationFinding> {
  return eventually(
    `order ${id} to be dealt with`,
    async () => {
      await reconcile(lab, policy);
      return (await findingsOf(lab, id)).at(-1);
    },
    120_000,
  );
}

/** Reconciles until nothing is wrong with that order, then twice more: nothing is left to be done. */
export async function untilWell(lab: Lab, id: string): Promise<void> {
  await eventually(
    `order ${id} to be well`,
    async () => {
      await reconcile(lab);
      return (await findingsOf(lab, id)).every(({ resolvedMs }) => resolvedMs !== null);
    },
    120_000,
  );
  const before = await findingsOf(lab, id);
  for (let again = 0; again < 2; again += 1) {
    const { orders } = await reconcile(lab);
    expect(orders).not.toContain(id);
  }
  expect(await findingsOf(lab, id)).toEqual(before);
}

export const findingsOf = (lab: Lab, orderId: string): Promise<ReconciliationFinding[]> =>
  select<ReconciliationFinding>(
    lab.store.db,
    `SELECT id, order_id AS orderId, problem, detail, action, run_id AS runId, restarts,
       first_seen_ms AS firstSeenMs, last_seen_ms AS lastSeenMs, next_look_ms AS nextLookMs,
       resolved_ms AS resolvedMs
     FROM reconciliation_findings WHERE order_id = :orderId ORDER BY id`,
    { orderId },
  );
