import { continueAsNew, proxyActivities, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { ReconciliationActivities, Round } from '../../activities/reconciliation';
import { OPEN_STATUSES } from '../../domain/orders/reconciliation';
import type { ReconcileInput, ReconcileProgress, ReconcileResult, SuspectPages } from '../messages';

const { lookAtOrders } = proxyActivities<ReconciliationActivities>({
  summary: 'look for orders whose workflow does not do its work',
  startToCloseTimeout: '10m',
  heartbeatTimeout: '1m',
  // The next run of the Schedule begins anew.
  scheduleToCloseTimeout: '30m',
  retry: { initialInterval: '1s', maximumInterval: '30s' },
});

/** As many as keep the history short. */
const ROUNDS = 40;
const LISTED = 20;

/**
 * One run of reconciliation: goes through what Temporal lists as ended or not begun, through what was wrong before, and
 * through the next open orders; restarts or flags what is not well. The result of the run before says where to go on.
 */
export async function reconcileOrders({ policy, underWay }: ReconcileInput): Promise<ReconcileResult> {
  const since = underWay?.since ?? progressOf(workflowInfo().lastResult);
  let pages: SuspectPages = underWay?.pages ?? firstPages(since);
  let result: ReconcileResult = underWay?.result ?? {
    checked: 0,
    restarted: 0,
    flagged: 0,
    resolved: 0,
    orders: [],
    progress: { listedToMs: Date.now(), open: since.open },
  };
  const { listedToMs: toMs } = result.progress;
  for (let round = 0; round < ROUNDS; round += 1) {
    const seen = await lookAtOrders({ policy, fromMs: since.listedToMs, toMs, pages });
    result = add(result, seen);
    pages = seen.pages;
    setCurrentDetails(inWords(result));
    if (Object.keys(pages).length === 0) return result;
  }
  return continueAsNew<typeof reconcileOrders>({ policy, underWay: { since, pages, result } });
}

/** Where the run before stopped; the beginning for the first one, and where it left something else. */
function progressOf(lastResult: unknown): ReconcileProgress {
  const progress = (lastResult as ReconcileResult | undefined)?.progress;
  return progress ?? { listedToMs: 0, open: {} };
}

const firstPages = ({ open }: ReconcileProgress): SuspectPages => ({
  found: '',
  ended: '',
  unopened: '',
  ...Object.fromEntries(OPEN_STATUSES.map((status) => [status, open[status] ?? ''])),
});

const add = (result: ReconcileResult, seen: Round): ReconcileResult => ({
  checked: result.checked + seen.checked,
  restarted: result.restarted + seen.restarted.length,
  flagged: result.flagged + seen.flagged.length,
  resolved: result.resolved + seen.resolved,
  orders: [...new Set([...result.orders, ...seen.restarted, ...seen.flagged])].slice(0, LISTED),
  progress: { ...result.progress, open: { ...result.progress.open, ...seen.open } },
});

const inWords = ({ checked, restarted, flagged, resolved, orders }: ReconcileResult): string =>
  [
    `**${restarted}** restarted · **${flagged}** flagged · ${resolved} well again · ${checked} looked at`,
    ...(orders.length === 0 ? [] : ['', ...orders.map((id) => `- \`${id}\``)]),
  ].join('\n');
