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
  orderStatus: null,
  pendingTask: null,
  pendingActivity: null,
};
const terminated: WorkflowState = { ...running, status: 'failed', closeStatus: 'terminated' };

const problem = (of: OrderData, workflow: WorkflowState | null) =>
  findProblem(of, workflow, DEFAULT_RECONCILE_POLICY, NOW_MS)?.code ?? null;

test('counts all orders but completed, cancelled and rejected ones as open', () => {
  expect(OPEN_STATUSES.toSorted()).toEqual(['cancelling', 'confirmed', 'on_hold', 'placed']);
});

test.each(['completed', 'cancelled', 'rejected'] as const)('reports no problem for a %s order', (status) => {
  for (const workflow of [null, running, terminated]) expect(problem(facts(status), workflow)).toBeNull();
});

test.each(OPEN_STATUSES)('reports a %s order without a running workflow', (status) => {
  expect(problem(facts(status), running)).toBeNull();
  expect(problem(facts(status), terminated)).toBe('workflow_ended');
  expect(problem(facts(status), null)).toBe('workflow_lost');
  expect(problem(facts(status), { ...running, status: 'completed' })).toBe('order_behind');
});

test('ignores a placement without a workflow and reports one whose workflow closed', () => {
  expect(problem(facts(null), null)).toBeNull();
  expect(problem(facts(null), terminated)).toBe('workflow_ended');
});

test('ignores workflows without an order and a placement', () => {
  expect(problem({ order: null, placement: null }, terminated)).toBeNull();
});

test('reports failing and waiting workflow tasks, not new ones', () => {
  const due = (attempt: number, minutes: number) => ({
    ...running,
    pendingTask: { attempt, sinceMs: minutesAgo(minutes) },
  });
  expect(problem(facts('confirmed'), due(1, 0.5))).toBeNull();
  expect(problem(facts('confirmed'), due(2, 0.5))).toBeNull();
  expect(problem(facts('confirmed'), due(3, 0.1))).toBe('workflow_stuck');
  expect(problem(facts('confirmed'), due(1, 2))).toBe('workflow_stuck');
});

test('reports a waiting run with another status than the stored one after the grace period', () => {
  const behind = { ...running, orderStatus: 'confirmed' } as const;
  expect(problem(facts('cancelling', minutesAgo(1.9)), behind)).toBeNull();
  expect(problem(facts('cancelling', minutesAgo(2.1)), behind)).toBe('workflow_behind');
  expect(problem(facts('confirmed', minutesAgo(9)), behind)).toBeNull();
  const pendingTask = { attempt: 1, sinceMs: minutesAgo(0.1) };
  expect(problem(facts('cancelling', minutesAgo(2.1)), { ...behind, pendingTask })).toBeNull();
  const pendingActivity = 'capturePayment, attempt 1';
  expect(
    problem(facts('confirmed', minutesAgo(9)), { ...running, orderStatus: 'placed', pendingActivity }),
  ).toBeNull();
});

test.each([
  ['placed', 17, 18.5],
  ['cancelling', 3, 4],
] as const)('an order may be %s for as long as its policy takes, and no longer', (status, fine, late) => {
  expect(problem(facts(status, minutesAgo(fine)), running)).toBeNull();
  expect(problem(facts(status, minutesAgo(late)), running)).toBe('order_overdue');
});

test('allows the grace period for an order that is not stored yet', () => {
  expect(problem(facts(null, minutesAgo(1.9)), running)).toBeNull();
  expect(problem(facts(null, minutesAgo(2.1)), running)).toBe('order_overdue');
});

test('does not report resting, attention and just resumed orders as overdue', () => {
  const days = minutesAgo(10_000);
  expect(problem(facts('confirmed', days), running)).toBeNull();
  expect(problem(facts('on_hold', days), running)).toBeNull();
  expect(problem(facts('cancelling', days, true), running)).toBeNull();
  expect(problem(facts('cancelling', days), { ...running, startedAtMs: minutesAgo(1) })).toBeNull();
});

test('includes the pending activity in the detail', () => {
  const found = findProblem(
    facts('cancelling', minutesAgo(30)),
    { ...running, pendingActivity: 'reversePayment, attempt 7' },
    DEFAULT_RECONCILE_POLICY,
    NOW_MS,
  );
  expect(found?.detail).toBe('cancelling for 30 min: reversePayment, attempt 7');
});

test('increases the delay between restarts', () => {
  const pauses = [1, 2, 3, 4].map((n) => getRestartBackoffMs(n, DEFAULT_RECONCILE_POLICY) / MINUTE_MS);
  expect(pauses).toEqual([1, 4, 16, 64]);
});
