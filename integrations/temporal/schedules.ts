import { isDeepStrictEqual } from 'node:util';
import { type Client, ScheduleAlreadyRunning, type ScheduleOptions } from '@temporalio/client';
import { DEFAULT_RECONCILE_POLICY } from '../../domain/shared/policy';
import { RECONCILE_WORKFLOW, type ReconcileInput } from '../../workflows/reconciliation/messages';

export interface ReconcileSchedule {
  /** Distinguishes systems that share a namespace. */
  prefix: string;
  taskQueue: string;
  intervalMs: number;
}

export const reconcileScheduleId = (prefix: string): string => `${prefix}reconcile-orders`;

/** After an outage of Temporal a single run catches up. */
const CATCHUP_WINDOW_MS = 60_000;
/** A hanging run must not block later ones. */
const RUN_TIMEOUT_MS = 60 * 60_000;

/**
 * Creates or updates the reconciliation Schedule. Idempotent and safe to run concurrently; a paused Schedule stays
 * paused.
 */
export async function ensureReconcileSchedule(client: Client, schedule: ReconcileSchedule): Promise<void> {
  const scheduleId = reconcileScheduleId(schedule.prefix);
  const input: ReconcileInput = { policy: DEFAULT_RECONCILE_POLICY };
  const options = {
    spec: { intervals: [{ every: schedule.intervalMs }] },
    policies: { overlap: 'SKIP', catchupWindow: CATCHUP_WINDOW_MS },
    action: {
      type: 'startWorkflow',
      workflowType: RECONCILE_WORKFLOW,
      workflowId: scheduleId,
      taskQueue: schedule.taskQueue,
      args: [input],
      staticSummary: 'finds orders whose workflow makes no progress',
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
  const current = {
    every: spec.intervals?.map(({ every }) => every),
    overlap: policies.overlap,
    catchupWindow: policies.catchupWindow,
    type: action.workflowType,
    taskQueue: action.taskQueue,
    args: action.args,
    timeout: action.workflowExecutionTimeout,
  };
  const expected = {
    every: [schedule.intervalMs],
    ...options.policies,
    type: RECONCILE_WORKFLOW,
    taskQueue: schedule.taskQueue,
    args: [input],
    timeout: RUN_TIMEOUT_MS,
  };
  if (isDeepStrictEqual(current, expected)) return;
  await handle.update(({ state }) => ({ ...options, state }));
}
