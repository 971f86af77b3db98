import type { OrderPolicy, ReconcilePolicy } from '../shared/policy';
import { isClosed, type Order, type OrderStatus } from './order';
import { STATUS_TRANSITIONS } from './transitions';

/** The states of an order that needs a workflow. */
export const OPEN_STATUSES: readonly OrderStatus[] = (
  Object.keys(STATUS_TRANSITIONS) as OrderStatus[]
).filter((status) => !isClosed(status));

/** What is wrong between an order and its workflow. Codes are stable. */
export type ReconcileProblemCode =
  /** Terminated, failed or timed out, while the order is open. */
  | 'workflow_ended'
  /** Temporal does not know the workflow of an open order. */
  | 'workflow_lost'
  /** It runs, but its next task fails again and again, or nobody takes it. */
  | 'workflow_stuck'
  /** It runs, but the order has not moved for much longer than its policy allows. */
  | 'order_overdue'
  /** It came to its end, but SQL has the order open: the database is older than Temporal. */
  | 'order_behind';

export interface ReconcileProblem {
  code: ReconcileProblemCode;
  /** For people. No personal data. */
  detail: string;
}

/** The newest run of an order's workflow, as Temporal sees it. */
export interface WorkflowState {
  runId: string;
  status: 'running' | 'completed' | 'failed';
  /** How it ended, in Temporal's word: `terminated`, `failed`, … */
  closeStatus: string;
  startedAtMs: number;
  /** The workflow task that is due. */
  pendingTask: { attempt: number; sinceMs: number } | null;
  /** What it tries, in words for people: an activity that is due or under way. */
  pendingActivity: string | null;
}

/** What SQL knows of an order. */
export interface OrderData {
  /** Null where the workflow has not stored it. */
  order: (Pick<Order, 'status' | 'updatedAtMs'> & { attention: boolean }) | null;
  /** What was promised when it was placed; null where that is gone. */
  placement: { atMs: number; policy: OrderPolicy } | null;
}

/**
 * What is wrong with an order, or null. What SQL knows must have been read after the workflow was looked at: an order is
 * closed in SQL before its workflow ends.
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
    // A placement that never had a workflow: its client was told to come back.
    if (order === null) return null;
    return { code: 'workflow_lost', detail: `it is ${status} and Temporal does not know its workflow` };
  }
  switch (workflow.status) {
    case 'failed':
      return {
        code: 'workflow_ended',
        detail: `it is ${status} and its workflow was ${workflow.closeStatus}`,
      };
    case 'completed':
      return { code: 'order_behind', detail: `it is ${status} and its workflow came to its end` };
    case 'running':
      return (
        findStuckTask(workflow, policy, nowMs) ??
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
    const detail = `its workflow task has failed ${pendingTask.attempt - 1} times`;
    return { code: 'workflow_stuck', detail };
  }
  const waitedMs = nowMs - pendingTask.sinceMs;
  if (waitedMs <= policy.taskStuckAfterMs) return null;
  return {
    code: 'workflow_stuck',
    detail: `its workflow task has waited ${formatMinutes(waitedMs)}: does a worker run?`,
  };
}

/** One that asks for attention says itself what it waits for. */
function findOverdueOrder(
  { order, placement }: OrderData,
  { startedAtMs, pendingActivity }: WorkflowState,
  { graceMs }: ReconcilePolicy,
  nowMs: number,
): ReconcileProblem | null {
  if (placement === null || order?.attention) return null;
  const allowedMs = order === null ? 0 : maxStatusDurationMs(order.status, placement.policy);
  if (allowedMs === null) return null;
  // A new run has all of its time again.
  const sinceMs = Math.max(order?.updatedAtMs ?? placement.atMs, startedAtMs);
  const waitedMs = nowMs - sinceMs;
  if (waitedMs <= allowedMs + graceMs) return null;
  const what = order === null ? 'not stored' : order.status;
  return {
    code: 'order_overdue',
    detail: `${what} for ${formatMinutes(waitedMs)}${pendingActivity === null ? '' : `: ${pendingActivity}`}`,
  };
}

/** How long an order may stay in a state that it passes through; null where it may rest. */
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

/** How long an order is left alone after it was restarted `restarts` times. */
export const getRestartBackoffMs = (restarts: number, policy: ReconcilePolicy): number =>
  policy.restartPauseMs * 4 ** (restarts - 1);
