import type { OrderPolicy, ReconcilePolicy } from '../shared/policy';
import { isClosed, type Order, type OrderStatus } from './order';
import { STATUS_TRANSITIONS } from './transitions';

/** The states of an order that needs a workflow. */
export const OPEN_STATUSES: readonly OrderStatus[] = (
  Object.keys(STATUS_TRANSITIONS) as OrderStatus[]
).filter((status) => !isClosed(status));

/** What is wrong between an order and its workflow. Codes are stable. */
export type ProblemCode =
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

export interface Problem {
  code: ProblemCode;
  /** For people. No personal data. */
  detail: string;
}

/** The newest run of an order's workflow, as Temporal sees it. */
export interface WorkflowState {
  runId: string;
  state: 'running' | 'completed' | 'ended';
  /** How it ended, in Temporal's word: `terminated`, `failed`, … */
  ended: string;
  startedAtMs: number;
  /** The workflow task that is due. */
  task: { attempt: number; sinceMs: number } | null;
  /** What it tries, in words for people: an activity that is due or under way. */
  trying: string | null;
}

/** What SQL knows of an order. */
export interface OrderFacts {
  /** Null where the workflow has not stored it. */
  order: (Pick<Order, 'status' | 'updatedAtMs'> & { attention: boolean }) | null;
  /** What was promised when it was placed; null where that is gone. */
  placed: { atMs: number; policy: OrderPolicy } | null;
}

/**
 * What is wrong with an order, or null. What SQL knows must have been read after the workflow was looked at: an order is
 * closed in SQL before its workflow ends.
 */
export function findProblem(
  { order, placed }: OrderFacts,
  workflow: WorkflowState | null,
  policy: ReconcilePolicy,
  nowMs: number,
): Problem | null {
  if (order !== null && isClosed(order.status)) return null;
  if (order === null && placed === null) return null;
  const status = order?.status ?? 'not stored yet';
  if (workflow === null) {
    // A placement that never had a workflow: its client was told to come back.
    if (order === null) return null;
    return { code: 'workflow_lost', detail: `it is ${status} and Temporal does not know its workflow` };
  }
  switch (workflow.state) {
    case 'ended':
      return { code: 'workflow_ended', detail: `it is ${status} and its workflow was ${workflow.ended}` };
    case 'completed':
      return { code: 'order_behind', detail: `it is ${status} and its workflow came to its end` };
    case 'running':
      return stuck(workflow, policy, nowMs) ?? overdue({ order, placed }, workflow, policy, nowMs);
  }
}

function stuck({ task }: WorkflowState, policy: ReconcilePolicy, nowMs: number): Problem | null {
  if (task === null) return null;
  if (task.attempt >= policy.taskStuckAfterAttempts) {
    const detail = `its workflow task has failed ${task.attempt - 1} times`;
    return { code: 'workflow_stuck', detail };
  }
  const waitedMs = nowMs - task.sinceMs;
  if (waitedMs <= policy.taskStuckAfterMs) return null;
  return {
    code: 'workflow_stuck',
    detail: `its workflow task has waited ${inMinutes(waitedMs)}: does a worker run?`,
  };
}

/** One that asks for attention says itself what it waits for. */
function overdue(
  { order, placed }: OrderFacts,
  { startedAtMs, trying }: WorkflowState,
  { graceMs }: ReconcilePolicy,
  nowMs: number,
): Problem | null {
  if (placed === null || order?.attention) return null;
  const allowedMs = order === null ? 0 : timeToMoveMs(order.status, placed.policy);
  if (allowedMs === null) return null;
  // A new run has all of its time again.
  const sinceMs = Math.max(order?.updatedAtMs ?? placed.atMs, startedAtMs);
  const waitedMs = nowMs - sinceMs;
  if (waitedMs <= allowedMs + graceMs) return null;
  const what = order === null ? 'not stored' : order.status;
  return {
    code: 'order_overdue',
    detail: `${what} for ${inMinutes(waitedMs)}${trying === null ? '' : `: ${trying}`}`,
  };
}

/** How long an order may stay in a state that it passes through; null where it may rest. */
function timeToMoveMs(status: OrderStatus, policy: OrderPolicy): number | null {
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

const inMinutes = (ms: number): string => `${Math.round(ms / 60_000)} min`;

/** How long an order is left alone after it was restarted `restarts` times. */
export const restartPauseMs = (restarts: number, policy: ReconcilePolicy): number =>
  policy.restartPauseMs * 4 ** (restarts - 1);
