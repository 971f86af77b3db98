import { isDeepStrictEqual } from 'node:util';
import { type Client, ScheduleAlreadyRunning, type ScheduleOptions } from '@temporalio/client';
import { DEFAULT_RECONCILE_POLICY } from '../../domain/shared/policy';
import { RECONCILE_WORKFLOW, type ReconcileInput } from '../../workflows/reconciliation/messages';

export interface ReconcileSchedule {
  /** Tells apart systems that share a namespace. */
  prefix: string;
  taskQueue: string;
  intervalMs: number;
}

export const reconcileScheduleId = (prefix: string): string => `${prefix}reconcile-orders`;

/** What was missed while Temporal was away is made up for by one run. */
const CATCHUP_WINDOW_MS = 60_000;
/** One that hangs would keep all later ones from starting. */
const RUN_TIMEOUT_MS = 60 * 60_000;

/**
 * Makes the Schedule of reconciliation what it should be. Safe to run at every start, and by several at once; one that
 * people have paused stays paused.
 */
export async function ensureReconcileSchedule(client: Client, wanted: ReconcileSchedule): Promise<void> {
  const scheduleId = reconcileScheduleId(wanted.prefix);
  const input: ReconcileInput = { policy: DEFAULT_RECONCILE_POLICY };
  const options = {
    spec: { intervals: [{ every: wanted.intervalMs }] },
    policies: { overlap: 'SKIP', catchupWindow: CATCHUP_WINDOW_MS },
    action: {
      type: 'startWorkflow',
      workflowType: RECONCILE_WORKFLOW,
      workflowId: scheduleId,
      taskQueue: wanted.taskQueue,
      args: [input],
      staticSummary: 'finds orders whose workflow does not do its work',
      workflowExecutionTimeout: RUN_TIMEOUT_MS,
    },
  } satisfies Omit<ScheduleOptions, 'scheduleId'>;
  try {
    await client.schedule.create({ scheduleId, ...options });
    return;
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
  const handle = client.schedule.getHandle(scheduleId);
  const { spec, policies, action } = await handle.describe();
  const asItIs = {
    every: spec.intervals?.map(({ every }) => every),
    overlap: policies.overlap,
    catchupWindow: policies.catchupWindow,
    type: action.workflowType,
    taskQueue: action.taskQueue,
    args: action.args,
    timeout: action.workflowExecutionTimeout,
  };
  const asWanted = {
    every: [wanted.intervalMs],
    ...options.policies,
    type: RECONCILE_WORKFLOW,
    taskQueue: wanted.taskQueue,
    args: [input],
    timeout: RUN_TIMEOUT_MS,
  };
  if (isDeepStrictEqual(asItIs, asWanted)) return;
  await handle.update(({ state }) => ({ ...options, state }));
}
