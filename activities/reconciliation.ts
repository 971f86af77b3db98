import { activityInfo, heartbeat, log } from '@temporalio/activity';
import type { Store } from '../db/core/store';
import type { Detection, ReconciliationFinding, StoredOrderState } from '../db/orders/reconciliation';
import type { OrderStatus } from '../domain/orders/order';
import {
  findProblem,
  getRestartBackoffMs,
  OPEN_STATUSES,
  type ReconcileProblem,
  type WorkflowState,
} from '../domain/orders/reconciliation';
import type { ReconcilePolicy } from '../domain/shared/policy';
import type { OrderWorkflows } from '../integrations/temporal/order-workflows';
import type { OrderInput } from '../workflows/orders/messages';
import type { CandidateCursors, CandidateSource } from '../workflows/reconciliation/messages';

export interface ReconcileBatchRequest {
  policy: ReconcilePolicy;
  /** Period for which Temporal's lists are read, milliseconds. */
  fromMs: number;
  toMs: number;
  /** The lists to read, each from its cursor. */
  cursors: CandidateCursors;
}

export interface ReconcileBatch {
  checked: number;
  /** Order ids. */
  restarted: string[];
  flagged: string[];
  resolved: number;
  /** The pages that remain in this run. */
  cursors: CandidateCursors;
  /** Where the next run resumes with the open orders. */
  openCursors: CandidateCursors;
}

/** Finds orders whose workflow is lost or stuck, and repairs them if that is safe. */
export interface ReconciliationActivities {
  /** Checks one page of each list. Idempotent: repaired orders are not found again. */
  checkOrders(request: ReconcileBatchRequest): Promise<ReconcileBatch>;
}

interface CandidatePage {
  ids: string[];
  nextCursor: string | null;
}

/** Orders checked concurrently. */
const CONCURRENCY = 20;
/** Attempts of a batch that fail with its first failed order; later attempts skip failed orders. */
const MAX_FAIL_FAST_ATTEMPTS = 8;

const isOpenStatus = (source: CandidateSource): source is OrderStatus =>
  (OPEN_STATUSES as readonly string[]).includes(source);

export function createReconciliationActivities(
  { placements, reconciliation }: Store,
  workflows: OrderWorkflows,
  now: () => number = Date.now,
): ReconciliationActivities {
  const listCandidates = async (
    source: CandidateSource,
    cursor: string,
    request: ReconcileBatchRequest,
  ): Promise<CandidatePage> => {
    const { fromMs, toMs, policy } = request;
    const rows = policy.pageSize;
    // Temporal's lists are eventually consistent.
    const range = { fromMs: Math.max(0, fromMs - policy.graceMs), cursor, limit: rows };
    switch (source) {
      case 'failed': {
        const { ids, nextCursor } = await workflows.listFailed({ ...range, toMs });
        return { ids: (await reconciliation.findUnfinishedOrders(ids)).map(({ id }) => id), nextCursor };
      }
      case 'not_created': {
        const { ids, nextCursor } = await workflows.listNotCreated({ ...range, toMs: toMs - policy.graceMs });
        const notCreated = (await reconciliation.findUnfinishedOrders(ids)).filter(({ stored }) => !stored);
        return { ids: notCreated.map(({ id }) => id), nextCursor };
      }
      case 'findings':
        return toCandidatePage(
          await reconciliation.findDueOrders({ afterId: cursor, nowMs: toMs, rows }),
          rows,
        );
      default: {
        const beforeMs = toMs - policy.graceMs;
        return toCandidatePage(
          await reconciliation.findOpenOrders({ status: source, afterId: cursor, beforeMs, rows }),
          rows,
        );
      }
    }
  };

  /** Checks orders. Reads the workflows first: see `findProblem`. */
  const checkAll = async (
    ids: readonly string[],
    policy: ReconcilePolicy,
    batch: ReconcileBatch,
  ): Promise<void> => {
    const failures: unknown[] = [];
    const forEachOrder = (work: (id: string) => Promise<void>) =>
      Promise.all(
        ids.map((id) =>
          work(id).catch((error: unknown) => {
            failures.push(error);
            log.warn('order could not be checked', { orderId: id, error });
          }),
        ),
      );
    const workflowStates = new Map<string, WorkflowState | null>();
    await forEachOrder(async (id) => {
      workflowStates.set(id, await workflows.find(id));
    });
    const [states, findings] = await Promise.all([
      reconciliation.findOrderStates(ids),
      reconciliation.findOpenFindings(ids),
    ]);
    await forEachOrder(async (id) => {
      const workflow = workflowStates.get(id);
      const finding = findings.get(id);
      if (workflow === undefined || (finding !== undefined && finding.nextCheckMs > now())) return;
      batch.checked += 1;
      await checkOne(id, { workflow, order: states.get(id) ?? null, finding }, policy, batch);
    });
    // Retries wait for unavailable services. One unreadable order must not block the check of all others.
    if (failures.length > 0 && activityInfo().attempt < MAX_FAIL_FAST_ATTEMPTS) throw failures[0];
  };

  const checkOne = async (
    id: string,
    { workflow, order, finding }: CheckInput,
    policy: ReconcilePolicy,
    batch: ReconcileBatch,
  ): Promise<void> => {
    const placement = await placements.findByOrder(id);
    const input = placement === null ? null : parseOrderInput(placement.input);
    const placementData = placement && input && { atMs: placement.createdAtMs, policy: input.policy };
    const problem = findProblem({ order, placement: placementData }, workflow, policy, now());
    if (problem === null) {
      if (finding !== undefined && (await resolve(finding))) batch.resolved += 1;
      return;
    }
    const action = await repair({ id, workflow, finding, problem, input }, policy);
    if (action !== null) batch[action].push(id);
  };

  const resolve = async (finding: ReconciliationFinding): Promise<boolean> => {
    const resolved = await reconciliation.resolve(finding, now());
    if (resolved)
      log.info('reconciliation finding resolved', { orderId: finding.orderId, problem: finding.problem });
    return resolved;
  };

  const repair = async (
    { id, workflow, finding, problem, input }: RepairCandidate,
    policy: ReconcilePolicy,
  ): Promise<'restarted' | 'flagged' | null> => {
    const nowMs = now();
    const detection: Detection = {
      orderId: id,
      ...problem,
      runId: workflow?.runId ?? null,
      nowMs,
      nextCheckMs: nowMs + policy.recheckIntervalMs,
    };
    if (isRepairable(problem)) {
      const restarts = await reconciliation.countRestartsSince(id, nowMs - policy.restartWindowMs);
      if (input === null) detection.detail += '; it cannot be restarted: its placement is missing or damaged';
      else if (restarts >= policy.maxRestarts) detection.detail += `, after ${restarts} restarts`;
      else return restart(detection, input, finding, nowMs + getRestartBackoffMs(restarts + 1, policy));
    }
    await reconciliation.flagForAttention(detection);
    if (finding?.problem !== problem.code || finding.action !== 'flagged') {
      log.warn('order requires attention', { orderId: id, problem: problem.code, detail: detection.detail });
    }
    return 'flagged';
  };

  const restart = async (
    detection: Detection,
    input: OrderInput,
    finding: ReconciliationFinding | undefined,
    nextCheckMs: number,
  ): Promise<'restarted' | null> => {
    // Recorded first: a restart that is interrupted is counted, and the order is checked again.
    if (!(await reconciliation.claimRestart({ ...detection, nextCheckMs: nextCheckMs }, finding)))
      return null;
    const { orderId, code, detail, runId } = detection;
    if (code === 'workflow_behind' && runId !== null) await workflows.terminate(orderId, runId, detail);
    const memo = { restartedBecause: detail, restartedAfterRun: runId };
    if (!(await workflows.restart(input, memo))) return null;
    log.warn('order was restarted', { orderId, problem: code, detail });
    return 'restarted';
  };

  return {
    async checkOrders(request) {
      const batch: ReconcileBatch = {
        checked: 0,
        restarted: [],
        flagged: [],
        resolved: 0,
        cursors: {},
        openCursors: {},
      };
      for (const [source, cursor] of Object.entries(request.cursors) as [CandidateSource, string][]) {
        const { ids, nextCursor } = await listCandidates(source, cursor, request);
        const restartedBefore = batch.restarted.length;
        for (let i = 0; i < ids.length; i += CONCURRENCY) {
          await checkAll(ids.slice(i, i + CONCURRENCY), request.policy, batch);
          heartbeat();
        }
        // Most open orders are consistent: the next run continues, unless this page had orders to restart.
        const continues = isOpenStatus(source) ? batch.restarted.length > restartedBefore : true;
        if (isOpenStatus(source)) batch.openCursors[source] = nextCursor ?? '';
        if (nextCursor !== null && continues) batch.cursors[source] = nextCursor;
      }
      return batch;
    },
  };
}

/** Null if the stored input is damaged. */
function parseOrderInput(text: string): OrderInput | null {
  try {
    return JSON.parse(text) as OrderInput;
  } catch {
    return null;
  }
}

interface CheckInput {
  workflow: WorkflowState | null;
  order: StoredOrderState | null;
  finding: ReconciliationFinding | undefined;
}

interface RepairCandidate {
  id: string;
  workflow: WorkflowState | null;
  finding: ReconciliationFinding | undefined;
  problem: ReconcileProblem;
  /** Input of its workflow; null if missing or damaged. */
  input: OrderInput | null;
}

const isRepairable = ({ code }: ReconcileProblem): boolean =>
  code === 'workflow_ended' || code === 'workflow_lost' || code === 'workflow_behind';

/** A page that is not full is the last one. */
const toCandidatePage = (ids: string[], rows: number): CandidatePage => ({
  ids,
  nextCursor: ids.length < rows ? null : (ids.at(-1) ?? null),
});
