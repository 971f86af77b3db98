import { DEFAULT_ORDER_POLICY, DEFAULT_RECONCILE_POLICY } from '../shared/policy';
import type { OrderStatus } from './order';
import {
  findProblem,
  getRestartBackoffMs,
  OPEN_STATUSES,
  type OrderData,
  type WorkflowState,
} from './reconciliation';

const NOW_MS = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
const minutesAgo = (minutes: number): number => NOW_MS - minutes * MINUTE_MS;

const facts = (status: OrderStatus | null, sinceMs = minutesAgo(3), attention = false): OrderData => ({
  order: status === null ? null : { status, updatedAtMs: sinceMs, attention },
  placement: { atMs: sinceMs, policy: DEFAULT_ORDER_POLICY },
});

const running: WorkflowState = {
  runId: 'r',
  status: 'running',
  closeStatus: 'running',
  startedAtMs: minutesAgo(600),
  pendingTask: null,
  pendingActivity: null,
};
const terminated: WorkflowState = { ...running, status: 'failed', closeStatus: 'terminated' };

const problem = (of: OrderData, workflow: WorkflowState | null) =>
  findProblem(of, workflow, DEFAULT_RECONCILE_POLICY, NOW_MS)?.code ?? null;

test('an open order is one that is neither completed, cancelled nor rejected', () => {
  expect(OPEN_STATUSES.toSorted()).toEqual(['cancelling', 'confirmed', 'on_hold', 'placed']);
});

test.each(['completed', 'cancelled', 'rejected'] as const)(
  '%s: nothing is wrong, whatever Temporal says',
  (status) => {
    for (const workflow of [null, running, terminated]) expect(problem(facts(status), workflow)).toBeNull();
  },
);

test.each(OPEN_STATUSES)('%s: without a running workflow something is wrong', (status) => {
  expect(problem(facts(status), running)).toBeNull();
  expect(problem(facts(status), terminated)).toBe('workflow_ended');
  expect(problem(facts(status), null)).toBe('workflow_lost');
  expect(problem(facts(status), { ...running, status: 'completed' })).toBe('order_behind');
});

test('a placement whose workflow never was is left to its client; one whose workflow ended is not', () => {
  expect(problem(facts(null), null)).toBeNull();
  expect(problem(facts(null), terminated)).toBe('workflow_ended');
});

test("somebody else's workflow is none of ours", () => {
  expect(problem({ order: null, placement: null }, terminated)).toBeNull();
});

test('a workflow task that fails or waits is stuck, one that is new is not', () => {
  const due = (attempt: number, minutes: number) => ({
    ...running,
    pendingTask: { attempt, sinceMs: minutesAgo(minutes) },
  });
  expect(problem(facts('confirmed'), due(1, 0.5))).toBeNull();
  expect(problem(facts('confirmed'), due(2, 0.5))).toBeNull();
  expect(problem(facts('confirmed'), due(3, 0.1))).toBe('workflow_stuck');
  expect(problem(facts('confirmed'), due(1, 2))).toBe('workflow_stuck');
});

test.each([
  ['placed', 17, 18.5],
  ['cancelling', 3, 4],
] as const)('an order may be %s for as long as its policy takes, and no longer', (status, fine, late) => {
  expect(problem(facts(status, minutesAgo(fine)), running)).toBeNull();
  expect(problem(facts(status, minutesAgo(late)), running)).toBe('order_overdue');
});

test('one that is not stored has the grace to be', () => {
  expect(problem(facts(null, minutesAgo(1.9)), running)).toBeNull();
  expect(problem(facts(null, minutesAgo(2.1)), running)).toBe('order_overdue');
});

test('an order that rests, one that asks for attention and one just taken up are not overdue', () => {
  const days = minutesAgo(10_000);
  expect(problem(facts('confirmed', days), running)).toBeNull();
  expect(problem(facts('on_hold', days), running)).toBeNull();
  expect(problem(facts('cancelling', days, true), running)).toBeNull();
  expect(problem(facts('cancelling', days), { ...running, startedAtMs: minutesAgo(1) })).toBeNull();
});

test('it says what is tried', () => {
  const found = findProblem(
    facts('cancelling', minutesAgo(30)),
    { ...running, pendingActivity: 'undoPayment, attempt 7' },
    DEFAULT_RECONCILE_POLICY,
    NOW_MS,
  );
  expect(found?.detail).toBe('cancelling for 30 min: undoPayment, attempt 7');
});

test('the pauses between restarts grow', () => {
  const pauses = [1, 2, 3, 4].map((n) => getRestartBackoffMs(n, DEFAULT_RECONCILE_POLICY) / MINUTE_MS);
  expect(pauses).toEqual([1, 4, 16, 64]);
});
