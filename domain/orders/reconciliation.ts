import type { OrderPolicy, ReconcilePolicy } from '../shared/policy';
import { isClosed, type Order, type OrderStatus } from './order';
import { STATUS_TRANSITIONS } from './transitions';

/** Statuses in which an order must have a running workflow. */
export const OPEN_STATUSES: readonly OrderStatus[] = (
  Object.keys(STATUS_TRANSITIONS) as OrderStatus[]
).filter((status) => !isClosed(status));

/** Disagreements between an order and its workflow. Codes are stable. */
export type ReconcileProblemCode =
  /** The workflow was terminated, failed or timed out while the order is open. */
  | 'workflow_ended'
  /** Temporal has no workflow of an open order. */
  | 'workflow_lost'
  /** The workflow runs, but its workflow task keeps failing or no worker polls it. */
  | 'workflow_stuck'
  /** The workflow runs with an earlier status of the order and waits: it was reset. */
  | 'workflow_behind'
  /** The workflow runs, but the order exceeds the duration that its policy allows for the status. */
  | 'order_overdue'
  /** The workflow completed, but SQL has the order open: the database was restored to an earlier state. */
  | 'order_behind';

export interface ReconcileProblem {
  code: ReconcileProblemCode;
  /** Text for operators. No personal data. */
  detail: string;
}

/** The newest run of an order's workflow, as Temporal reports it. */
export interface WorkflowState {
  runId: string;
  status: 'running' | 'completed' | 'failed';
  /** Temporal's close status: `terminated`, `failed`, … */
  closeStatus: string;
  startedAtMs: number;
  /** The order's status as the run knows it. */
  orderStatus: OrderStatus | null;
  /** The pending workflow task. */
  pendingTask: { attempt: number; sinceMs: number } | null;
  /** Description of the pending activity, for operators. */
  pendingActivity: string | null;
}

/** The stored state of an order. */
export interface OrderData {
  /** Null if the workflow has not stored it yet. */
  order: (Pick<Order, 'status' | 'updatedAtMs'> & { attention: boolean }) | null;
  /** The claimed placement; null if it no longer exists. */
  placement: { atMs: number; policy: OrderPolicy } | null;
}

/**
 * Compares an order with its workflow; null if they agree. Read SQL after the workflow: an order is closed in SQL before
 * its workflow completes.
 */
export function findProblem(
  { order, placement }: OrderData,
  workflow: WorkflowState | null,
  policy: ReconcilePolicy,
  nowMs: number,
): ReconcileProblem | null {
  if (order !== null && isClosed(order.status)) return null;
  if (order === null && placement === null) return null;
  const status = order?.status ?? 'not stored yet';
  if (workflow === null) {
    // The workflow was never started; the client received 503 and retries.
    if (order === null) return null;
    return { code: 'workflow_lost', detail: `the order is ${status} and Temporal has no workflow for it` };
  }
  switch (workflow.status) {
    case 'failed':
      return {
        code: 'workflow_ended',
        detail: `the order is ${status} and its workflow was ${workflow.closeStatus}`,
      };
    case 'completed':
      return { code: 'order_behind', detail: `the order is ${status} and its workflow has completed` };
    case 'running':
      return (
        findStuckTask(workflow, policy, nowMs) ??
        findOutdatedRun(order, workflow, policy, nowMs) ??
        findOverdueOrder({ order, placement }, workflow, policy, nowMs)
      );
  }
}

function findStuckTask(
  { pendingTask }: WorkflowState,
  policy: ReconcilePolicy,
  nowMs: number,
): ReconcileProblem | null {
  if (pendingTask === null) return null;
  if (pendingTask.attempt >= policy.taskStuckAfterAttempts) {
    const detail = `the workflow task has failed ${pendingTask.attempt - 1} times`;
    return { code: 'workflow_stuck', detail };
  }
  const waitedMs = nowMs - pendingTask.sinceMs;
  if (waitedMs <= policy.taskStuckAfterMs) return null;
  return {
    code: 'workflow_stuck',
    detail: `the workflow task has waited ${formatMinutes(waitedMs)}: check that a worker is running`,
  };
}

/** A run with a pending task or activity may still be processing the result of the step that changed the order. */
function findOutdatedRun(
  order: OrderData['order'],
  { orderStatus, pendingTask, pendingActivity }: WorkflowState,
  { graceMs }: ReconcilePolicy,
  nowMs: number,
): ReconcileProblem | null {
  if (order === null || orderStatus === null || orderStatus === order.status) return null;
  if (pendingTask !== null || pendingActivity !== null || nowMs - order.updatedAtMs <= graceMs) return null;
  return {
    code: 'workflow_behind',
    detail: `the order is ${order.status}, its workflow waits with status ${orderStatus}`,
  };
}

/** Skips orders with `attention`: they already report the step they wait for. */
function findOverdueOrder(
  { order, placement }: OrderData,
  { startedAtMs, pendingActivity }: WorkflowState,
  { graceMs }: ReconcilePolicy,
  nowMs: number,
): ReconcileProblem | null {
  if (placement === null || order?.attention) return null;
  const allowedMs = order === null ? 0 : maxStatusDurationMs(order.status, placement.policy);
  if (allowedMs === null) return null;
  // A restarted run gets the full duration again.
  const sinceMs = Math.max(order?.updatedAtMs ?? placement.atMs, startedAtMs);
  const waitedMs = nowMs - sinceMs;
  if (waitedMs <= allowedMs + graceMs) return null;
  const status = order === null ? 'not stored' : order.status;
  return {
    code: 'order_overdue',
    detail: `${status} for ${formatMinutes(waitedMs)}${pendingActivity === null ? '' : `: ${pendingActivity}`}`,
  };
}

/** Maximum duration of a transient status; null for a status without a limit. */
function maxStatusDurationMs(status: OrderStatus, policy: OrderPolicy): number | null {
  const undoMs = policy.attentionAfterMs + policy.paymentAttemptTimeoutMs;
  switch (status) {
    case 'placed':
      return policy.paymentDeadlineMs + undoMs;
    case 'cancelling':
      // A payment in flight is awaited first.
      return policy.paymentAttemptTimeoutMs + undoMs;
    default:
      return null;
  }
}

const formatMinutes = (ms: number): string => `${Math.round(ms / 60_000)} min`;

/** Delay before the next check of an order that was restarted `restarts` times. */
export const getRestartBackoffMs = (restarts: number, policy: ReconcilePolicy): number =>
  policy.restartPauseMs * 4 ** (restarts - 1);
