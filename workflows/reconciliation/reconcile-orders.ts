import { continueAsNew, proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { ReconcileBatch, ReconciliationActivities } from '../../activities/reconciliation';
import { OPEN_STATUSES } from '../../domain/orders/reconciliation';
import type { CandidateCursors, ReconcileInput, ReconcileProgress, ReconcileResult } from './messages';

const { checkOrders } = proxyActivities<ReconciliationActivities>({
  summary: 'check for orders whose workflow is lost or stuck',
  startToCloseTimeout: '10m',
  heartbeatTimeout: '1m',
  // The next run of the Schedule starts again.
  scheduleToCloseTimeout: '30m',
  retry: { initialInterval: '1s', maximumInterval: '30s' },
});

/** Keeps the history short. */
const MAX_BATCHES = 40;
const MAX_LISTED_ORDERS = 20;

/**
 * One run of reconciliation: checks workflows that Temporal lists as failed, placements without a workflow, unresolved
 * findings and the next open orders. Restarts or flags inconsistent orders. Resumes from the previous run's result.
 */
export async function reconcileOrders({ policy, checkpoint }: ReconcileInput): Promise<ReconcileResult> {
  const since = checkpoint?.since ?? readLastProgress(workflowInfo().lastResult);
  let cursors: CandidateCursors = checkpoint?.cursors ?? initialCursors(since);
  let result: ReconcileResult = checkpoint?.result ?? {
    checked: 0,
    restarted: 0,
    flagged: 0,
    resolved: 0,
    orders: [],
    progress: { listedToMs: Date.now(), open: since.open },
  };
  const { listedToMs: toMs } = result.progress;
  for (let batches = 0; batches < MAX_BATCHES; batches += 1) {
    const batch = await checkOrders({ policy, fromMs: since.listedToMs, toMs, cursors });
    result = mergeBatch(result, batch);
    cursors = batch.cursors;
    setCurrentDetails(formatResult(result));
    if (Object.keys(cursors).length === 0) return result;
  }
  return continueAsNew<typeof reconcileOrders>({ policy, checkpoint: { since, cursors, result } });
}

/** The progress of the previous run; the start for the first run or an unreadable result. */
function readLastProgress(lastResult: unknown): ReconcileProgress {
  const progress = (lastResult as ReconcileResult | undefined)?.progress;
  return progress ?? { listedToMs: 0, open: {} };
}

const initialCursors = ({ open }: ReconcileProgress): CandidateCursors => ({
  findings: '',
  failed: '',
  not_created: '',
  ...Object.fromEntries(OPEN_STATUSES.map((status) => [status, open[status] ?? ''])),
});

const mergeBatch = (result: ReconcileResult, batch: ReconcileBatch): ReconcileResult => ({
  checked: result.checked + batch.checked,
  restarted: result.restarted + batch.restarted.length,
  flagged: result.flagged + batch.flagged.length,
  resolved: result.resolved + batch.resolved,
  orders: [...new Set([...result.orders, ...batch.restarted, ...batch.flagged])].slice(0, MAX_LISTED_ORDERS),
  progress: { ...result.progress, open: { ...result.progress.open, ...batch.openCursors } },
});

const formatResult = ({ checked, restarted, flagged, resolved, orders }: ReconcileResult): string =>
  [
    `**${restarted}** restarted · **${flagged}** flagged · ${resolved} resolved · ${checked} checked`,
    ...(orders.length === 0 ? [] : ['', ...orders.map((id) => `- \`${id}\``)]),
  ].join('\n');
