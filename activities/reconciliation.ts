import { activityInfo, heartbeat, log } from '@temporalio/activity';
import type { Store } from '../db/core/store';
import type { ReconciliationFinding, Sighting, StoredState } from '../db/orders/reconciliation';
import type { OrderStatus } from '../domain/orders/order';
import {
  findProblem,
  OPEN_STATUSES,
  type Problem,
  restartPauseMs,
  type WorkflowState,
} from '../domain/orders/reconciliation';
import type { ReconcilePolicy } from '../domain/shared/policy';
import type { OrderWorkflows } from '../integrations/temporal/order-workflows';
import type { OrderInput, SuspectPages, SuspectSource } from '../workflows/messages';

export interface RoundRequest {
  policy: ReconcilePolicy;
  /** Temporal's lists are read for what changed in this time, milliseconds. */
  fromMs: number;
  toMs: number;
  /** The places to look in. */
  pages: SuspectPages;
}

export interface Round {
  checked: number;
  /** Ids of orders. */
  restarted: string[];
  flagged: string[];
  resolved: number;
  /** What is to be looked at in this run still. */
  pages: SuspectPages;
  /** Where the next run goes on with the open orders. */
  open: SuspectPages;
}

/** Finds orders whose workflow is gone or does not move, and repairs them where that is safe. */
export interface ReconciliationActivities {
  /** Looks at one page of each place. May run again at any time: what was repaired is not found again. */
  lookAtOrders(request: RoundRequest): Promise<Round>;
}

interface Page {
  ids: string[];
  next: string | null;
}

/** Orders looked at side by side. */
const AT_ONCE = 20;
/** Attempts of a round that fail with the first of its orders; from then on it goes on without those that failed. */
const ATTEMPTS_AT_ALL = 8;

const isOpenStatus = (source: SuspectSource): source is OrderStatus =>
  (OPEN_STATUSES as readonly string[]).includes(source);

export function createReconciliationActivities(
  { placements, reconciliation }: Store,
  workflows: OrderWorkflows,
  now: () => number = Date.now,
): ReconciliationActivities {
  const suspects = async (source: SuspectSource, page: string, request: RoundRequest): Promise<Page> => {
    const { fromMs, toMs, policy } = request;
    const rows = policy.pageRows;
    // Temporal's lists lag behind.
    const range = { fromMs: Math.max(0, fromMs - policy.graceMs), page, rows };
    switch (source) {
      case 'ended': {
        const { ids, next } = await workflows.listEnded({ ...range, toMs });
        return { ids: (await reconciliation.unfinished(ids)).map(({ id }) => id), next };
      }
      case 'unopened': {
        const { ids, next } = await workflows.listUnopened({ ...range, toMs: toMs - policy.graceMs });
        const unopened = (await reconciliation.unfinished(ids)).filter(({ stored }) => !stored);
        return { ids: unopened.map(({ id }) => id), next };
      }
      case 'found':
        return byId(await reconciliation.due({ afterId: page, nowMs: toMs, rows }), rows);
      default: {
        const beforeMs = toMs - policy.graceMs;
        return byId(await reconciliation.openOrders({ status: source, afterId: page, beforeMs, rows }), rows);
      }
    }
  };

  /** Looks at some orders. The workflows first: see `findProblem`. */
  const look = async (ids: readonly string[], policy: ReconcilePolicy, round: Round): Promise<void> => {
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
      reconciliation.states(ids),
      reconciliation.openFindings(ids),
    ]);
    await each(async (id) => {
      const workflow = found.get(id);
      const finding = findings.get(id);
      if (workflow === undefined || (finding !== undefined && finding.nextLookMs > now())) return;
      round.checked += 1;
      await lookAt(id, { workflow, order: states.get(id) ?? null, finding }, policy, round);
    });
    // What is away comes back. One order that can never be read must not keep all others from being looked at.
    if (failures.length > 0 && activityInfo().attempt < ATTEMPTS_AT_ALL) throw failures[0];
  };

  const lookAt = async (
    id: string,
    { workflow, order, finding }: Facts,
    policy: ReconcilePolicy,
    round: Round,
  ): Promise<void> => {
    const placement = await placements.byOrder(id);
    const input = placement === null ? null : readInput(placement.input);
    const placed = placement && input && { atMs: placement.createdAtMs, policy: input.policy };
    const problem = findProblem({ order, placed }, workflow, policy, now());
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
    { id, workflow, finding, problem, input }: Suspect,
    policy: ReconcilePolicy,
  ): Promise<'restarted' | 'flagged' | null> => {
    const nowMs = now();
    const sighting: Sighting = {
      orderId: id,
      ...problem,
      runId: workflow?.runId ?? null,
      nowMs,
      nextLookMs: nowMs + policy.lookAgainMs,
    };
    if (isRepairable(problem)) {
      const before = await reconciliation.restartsSince(id, nowMs - policy.restartWindowMs);
      if (input === null) sighting.detail += '; it cannot be restarted: its placement is gone or damaged';
      else if (before >= policy.maxRestarts) sighting.detail += `, though it was restarted ${before} times`;
      else return restart(sighting, input, finding, nowMs + restartPauseMs(before + 1, policy));
    }
    await reconciliation.flag(sighting);
    if (finding?.problem !== problem.code || finding.action !== 'flagged') {
      log.warn('order needs people', { orderId: id, problem: problem.code, detail: sighting.detail });
    }
    return 'flagged';
  };

  const restart = async (
    sighting: Sighting,
    input: OrderInput,
    finding: ReconciliationFinding | undefined,
    nextLookMs: number,
  ): Promise<'restarted' | null> => {
    // Written down first: what dies in between is counted, and looked at again.
    if (!(await reconciliation.claimRestart({ ...sighting, nextLookMs }, finding))) return null;
    const { orderId, code, detail, runId } = sighting;
    const memo = { restartedBecause: detail, restartedAfterRun: runId };
    if (!(await workflows.restart(input, memo))) return null;
    log.warn('order was restarted', { orderId, problem: code, detail });
    return 'restarted';
  };

  return {
    async lookAtOrders(request) {
      const round: Round = {
        checked: 0,
        restarted: [],
        flagged: [],
        resolved: 0,
        pages: {},
        open: {},
      };
      for (const [source, page] of Object.entries(request.pages) as [SuspectSource, string][]) {
        const { ids, next } = await suspects(source, page, request);
        const restartedBefore = round.restarted.length;
        for (let i = 0; i < ids.length; i += AT_ONCE) {
          await look(ids.slice(i, i + AT_ONCE), request.policy, round);
          heartbeat();
        }
        // Open orders are many and mostly well: the next run goes on, unless there is more to repair.
        const goesOn = isOpenStatus(source) ? round.restarted.length > restartedBefore : true;
        if (isOpenStatus(source)) round.open[source] = next ?? '';
        if (next !== null && goesOn) round.pages[source] = next;
      }
      return round;
    },
  };
}

/** Null for what was not written by us. */
function readInput(text: string): OrderInput | null {
  try {
    return JSON.parse(text) as OrderInput;
  } catch {
    return null;
  }
}

interface Facts {
  workflow: WorkflowState | null;
  order: StoredState | null;
  finding: ReconciliationFinding | undefined;
}

interface Suspect {
  id: string;
  workflow: WorkflowState | null;
  finding: ReconciliationFinding | undefined;
  problem: Problem;
  /** What its workflow was started with; null where that is gone. */
  input: OrderInput | null;
}

const isRepairable = ({ code }: Problem): boolean => code === 'workflow_ended' || code === 'workflow_lost';

/** A page that is not full is the last one. */
const byId = (ids: string[], rows: number): Page => ({
  ids,
  next: ids.length < rows ? null : (ids.at(-1) ?? null),
});
