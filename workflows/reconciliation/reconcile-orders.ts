import { continueAsNew, proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { ReconcileBatch, ReconciliationActivities } from '../../activities/reconciliation';
import { OPEN_STATUSES } from '../../domain/orders/reconciliation';
import type { CandidateCursors, ReconcileInput, ReconcileProgress, ReconcileResult } from './messages';

const { checkOrders } = proxyActivities<ReconciliationActivities>({
  summary: 'look for orders whose workflow does not do its work',
  startToCloseTimeout: '10m',
  heartbeatTimeout: '1m',
  // The next run of the Schedule begins anew.
  scheduleToCloseTimeout: '30m',
  retry: { initialInterval: '1s', maximumInterval: '30s' },
});

/** As many as keep the history short. */
const MAX_BATCHES = 40;
const MAX_LISTED_ORDERS = 20;

/**
 * One run of reconciliation: goes through what Temporal lists as ended or not begun, through what was wrong before, and
 * through the next open orders; restarts or flags what is not well. The result of the run before says where to go on.
 */
export async function reconcileOrders({ policy, checkpoint }: ReconcileInput): Promise<ReconcileResult> {
  const since = checkpoint?.since ?? readLastProgress(workflowInfo().lastResult);
  let pages: CandidateCursors = checkpoint?.pages ?? initialCursors(since);
  let result: ReconcileResult = checkpoint?.result ?? {
    checked: 0,
    restarted: 0,
    flagged: 0,
    resolved: 0,
    orders: [],
    progress: { listedToMs: Date.now(), open: since.open },
  };
  const { listedToMs: toMs } = result.progress;
  for (let round = 0; round < MAX_BATCHES; round += 1) {
    const seen = await checkOrders({ policy, fromMs: since.listedToMs, toMs, cursors: pages });
    result = mergeBatch(result, seen);
    pages = seen.cursors;
    setCurrentDetails(formatResult(result));
    if (Object.keys(pages).length === 0) return result;
  }
  return continueAsNew<typeof reconcileOrders>({ policy, checkpoint: { since, pages, result } });
}

/** Where the run before stopped; the beginning for the first one, and where it left something else. */
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

const mergeBatch = (result: ReconcileResult, seen: ReconcileBatch): ReconcileResult => ({
  checked: result.checked + seen.checked,
  restarted: result.restarted + seen.restarted.length,
  flagged: result.flagged + seen.flagged.length,
  resolved: result.resolved + seen.resolved,
  orders: [...new Set([...result.orders, ...seen.restarted, ...seen.flagged])].slice(0, MAX_LISTED_ORDERS),
  progress: { ...result.progress, open: { ...result.progress.open, ...seen.openCursors } },
});

const formatResult = ({ checked, restarted, flagged, resolved, orders }: ReconcileResult): string =>
  [
    `**${restarted}** restarted · **${flagged}** flagged · ${resolved} well again · ${checked} looked at`,
    ...(orders.length === 0 ? [] : ['', ...orders.map((id) => `- \`${id}\``)]),
  ].join('\n');
