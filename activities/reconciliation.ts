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
  /** Temporal's lists are read for what changed in this time, milliseconds. */
  fromMs: number;
  toMs: number;
  /** The places to look in. */
  cursors: CandidateCursors;
}

export interface ReconcileBatch {
  checked: number;
  /** Ids of orders. */
  restarted: string[];
  flagged: string[];
  resolved: number;
  /** What is to be looked at in this run still. */
  cursors: CandidateCursors;
  /** Where the next run goes on with the open orders. */
  openCursors: CandidateCursors;
}

/** Finds orders whose workflow is gone or does not move, and repairs them where that is safe. */
export interface ReconciliationActivities {
  /** Looks at one page of each place. May run again at any time: what was repaired is not found again. */
  checkOrders(request: ReconcileBatchRequest): Promise<ReconcileBatch>;
}

interface CandidatePage {
  ids: string[];
  nextCursor: string | null;
}

/** Orders looked at side by side. */
const CONCURRENCY = 20;
/** Attempts of a round that fail with the first of its orders; from then on it goes on without those that failed. */
const MAX_FAIL_FAST_ATTEMPTS = 8;

const isOpenStatus = (source: CandidateSource): source is OrderStatus =>
  (OPEN_STATUSES as readonly string[]).includes(source);

export function createReconciliationActivities(
  { placements, reconciliation }: Store,
  workflows: OrderWorkflows,
  now: () => number = Date.now,
): ReconciliationActivities {
  const suspects = async (
    source: CandidateSource,
    page: string,
    request: ReconcileBatchRequest,
  ): Promise<CandidatePage> => {
    const { fromMs, toMs, policy } = request;
    const rows = policy.pageSize;
    // Temporal's lists lag behind.
    const range = { fromMs: Math.max(0, fromMs - policy.graceMs), cursor: page, limit: rows };
    switch (source) {
      case 'failed': {
        const { ids, nextCursor } = await workflows.listFailed({ ...range, toMs });
        return { ids: (await reconciliation.findUnfinishedOrders(ids)).map(({ id }) => id), nextCursor };
      }
      case 'not_created': {
        const { ids, nextCursor } = await workflows.listNotCreated({ ...range, toMs: toMs - policy.graceMs });
        const unopened = (await reconciliation.findUnfinishedOrders(ids)).filter(({ stored }) => !stored);
        return { ids: unopened.map(({ id }) => id), nextCursor };
      }
      case 'findings':
        return toCandidatePage(
          await reconciliation.findDueOrders({ afterId: page, nowMs: toMs, rows }),
          rows,
        );
      default: {
        const beforeMs = toMs - policy.graceMs;
        return toCandidatePage(
          await reconciliation.findOpenOrders({ status: source, afterId: page, beforeMs, rows }),
          rows,
        );
      }
    }
  };

  /** Looks at some orders. The workflows first: see `findProblem`. */
  const look = async (
    ids: readonly string[],
    policy: ReconcilePolicy,
    round: ReconcileBatch,
  ): Promise<void> => {
    const failures: unknown[] = [];
    const each = (work: (id: string) => Promise<void>) =>
      Promise.all(
        ids.map((id) =>
          work(id).catch((error: unknown) => {
            failures.push(error);
            log.warn('order could not be looked at', { orderId: id, error });
          }),
        ),
      );
    const found = new Map<string, WorkflowState | null>();
    await each(async (id) => {
      found.set(id, await workflows.find(id));
    });
    const [states, findings] = await Promise.all([
      reconciliation.findOrderStates(ids),
      reconciliation.findOpenFindings(ids),
    ]);
    await each(async (id) => {
      const workflow = found.get(id);
      const finding = findings.get(id);
      if (workflow === undefined || (finding !== undefined && finding.nextCheckMs > now())) return;
      round.checked += 1;
      await lookAt(id, { workflow, order: states.get(id) ?? null, finding }, policy, round);
    });
    // What is away comes back. One order that can never be read must not keep all others from being looked at.
    if (failures.length > 0 && activityInfo().attempt < MAX_FAIL_FAST_ATTEMPTS) throw failures[0];
  };

  const lookAt = async (
    id: string,
    { workflow, order, finding }: CheckInput,
    policy: ReconcilePolicy,
    round: ReconcileBatch,
  ): Promise<void> => {
    const placement = await placements.findByOrder(id);
    const input = placement === null ? null : parseOrderInput(placement.input);
    const placed = placement && input && { atMs: placement.createdAtMs, policy: input.policy };
    const problem = findProblem({ order, placement: placed }, workflow, policy, now());
    if (problem === null) {
      if (finding !== undefined && (await settle(finding))) round.resolved += 1;
      return;
    }
    const done = await act({ id, workflow, finding, problem, input }, policy);
    if (done !== null) round[done].push(id);
  };

  const settle = async (finding: ReconciliationFinding): Promise<boolean> => {
    const settled = await reconciliation.resolve(finding, now());
    if (settled) log.info('order is well again', { orderId: finding.orderId, problem: finding.problem });
    return settled;
  };

  const act = async (
    { id, workflow, finding, problem, input }: RepairCandidate,
    policy: ReconcilePolicy,
  ): Promise<'restarted' | 'flagged' | null> => {
    const nowMs = now();
    const sighting: Detection = {
      orderId: id,
      ...problem,
      runId: workflow?.runId ?? null,
      nowMs,
      nextCheckMs: nowMs + policy.recheckIntervalMs,
    };
    if (isRepairable(problem)) {
      const before = await reconciliation.countRestartsSince(id, nowMs - policy.restartWindowMs);
      if (input === null) sighting.detail += '; it cannot be restarted: its placement is gone or damaged';
      else if (before >= policy.maxRestarts) sighting.detail += `, though it was restarted ${before} times`;
      else return restart(sighting, input, finding, nowMs + getRestartBackoffMs(before + 1, policy));
    }
    await reconciliation.flagForAttention(sighting);
    if (finding?.problem !== problem.code || finding.action !== 'flagged') {
      log.warn('order needs people', { orderId: id, problem: problem.code, detail: sighting.detail });
    }
    return 'flagged';
  };

  const restart = async (
    sighting: Detection,
    input: OrderInput,
    finding: ReconciliationFinding | undefined,
    nextCheckMs: number,
  ): Promise<'restarted' | null> => {
    // Written down first: what dies in between is counted, and looked at again.
    if (!(await reconciliation.claimRestart({ ...sighting, nextCheckMs: nextCheckMs }, finding))) return null;
    const { orderId, code, detail, runId } = sighting;
    const memo = { restartedBecause: detail, restartedAfterRun: runId };
    if (!(await workflows.restart(input, memo))) return null;
    log.warn('order was restarted', { orderId, problem: code, detail });
    return 'restarted';
  };

  return {
    async checkOrders(request) {
      const round: ReconcileBatch = {
        checked: 0,
        restarted: [],
        flagged: [],
        resolved: 0,
        cursors: {},
        openCursors: {},
      };
      for (const [source, page] of Object.entries(request.cursors) as [CandidateSource, string][]) {
        const { ids, nextCursor } = await suspects(source, page, request);
        const restartedBefore = round.restarted.length;
        for (let i = 0; i < ids.length; i += CONCURRENCY) {
          await look(ids.slice(i, i + CONCURRENCY), request.policy, round);
          heartbeat();
        }
        // Open orders are many and mostly well: the next run goes on, unless there is more to repair.
        const goesOn = isOpenStatus(source) ? round.restarted.length > restartedBefore : true;
        if (isOpenStatus(source)) round.openCursors[source] = nextCursor ?? '';
        if (nextCursor !== null && goesOn) round.cursors[source] = nextCursor;
      }
      return round;
    },
  };
}

/** Null for what was not written by us. */
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
  /** What its workflow was started with; null where that is gone. */
  input: OrderInput | null;
}

const isRepairable = ({ code }: ReconcileProblem): boolean =>
  code === 'workflow_ended' || code === 'workflow_lost';

/** A page that is not full is the last one. */
const toCandidatePage = (ids: string[], rows: number): CandidatePage => ({
  ids,
  nextCursor: ids.length < rows ? null : (ids.at(-1) ?? null),
});
