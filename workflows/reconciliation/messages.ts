import type { OrderStatus } from '../../domain/orders/order';
import type { ReconcilePolicy } from '../../domain/shared/policy';

export const RECONCILE_WORKFLOW = 'reconcileOrders';

/** Lists in which orders that may need repair are found: Temporal's lists, unresolved findings, open orders by status. */
export type CandidateSource = 'failed' | 'not_created' | 'findings' | OrderStatus;

/** Source → the cursor of its next page. */
export type CandidateCursors = Partial<Record<CandidateSource, string>>;

/** The position of reconciliation, passed from each run to the next. */
export interface ReconcileProgress {
  /** Temporal's lists were read up to this time, milliseconds. */
  listedToMs: number;
  /** Open orders were checked up to these cursors: a long list takes several runs. */
  open: CandidateCursors;
}

export interface ReconcileInput {
  policy: ReconcilePolicy;
  /** Set when a run continues as new: where it resumes. */
  checkpoint?: { since: ReconcileProgress; cursors: CandidateCursors; result: ReconcileResult };
}

/** Outcome of one run of reconciliation. */
export interface ReconcileResult {
  checked: number;
  restarted: number;
  flagged: number;
  resolved: number;
  /** Some of the orders that were restarted or flagged. */
  orders: string[];
  progress: ReconcileProgress;
}

/** Memo that reconciliation writes on a workflow when it restarts it. */
export interface RestartMemo {
  restartedBecause: string;
  /** The previous run, if Temporal still knew one. */
  restartedAfterRun: string | null;
}
