/** Every duration of an order, in milliseconds. Part of the workflow's input, so an order keeps the policy it began with. */
export interface OrderPolicy {
  /** How long a payment may be tried before the order is rejected. */
  paymentDeadlineMs: number;
  /** One attempt at the provider: two calls of at most ten seconds each, and their bookkeeping. */
  paymentAttemptTimeoutMs: number;
  /** First pause between two attempts at the provider; doubles up to `retryMaxMs`. */
  retryInitialMs: number;
  retryMaxMs: number;
  /** How long an undo is tried before the order says that it needs attention. It goes on being tried. */
  attentionAfterMs: number;
  /** One later round of tries of an undo: long, so that a long outage writes little history. */
  undoRoundMs: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

export const DEFAULT_ORDER_POLICY: OrderPolicy = {
  paymentDeadlineMs: 15 * MINUTE,
  paymentAttemptTimeoutMs: 30 * SECOND,
  retryInitialMs: 500,
  retryMaxMs: MINUTE,
  attentionAfterMs: 20 * SECOND,
  undoRoundMs: 10 * MINUTE,
};

/** How reconciliation looks for orders whose workflow does not do its work. Milliseconds, unless a name says otherwise. */
export interface ReconcilePolicy {
  /** An order younger than this is left alone, and so long may Temporal's lists lag behind. */
  graceMs: number;
  /** A workflow task that is due for longer has nobody who can do it. */
  taskStuckAfterMs: number;
  /** One that failed so often will fail again. */
  taskStuckAfterAttempts: number;
  /** Pause after the first restart of an order; each further one waits four times as long. */
  restartPauseMs: number;
  /** Restarts of one order within `restartWindowMs`. After that it is a matter for people. */
  maxRestarts: number;
  restartWindowMs: number;
  /** Pause between two looks at an order that people have to see to. */
  recheckIntervalMs: number;
  /** Orders looked at in one go, for each place they are found in. */
  pageSize: number;
}

export const DEFAULT_RECONCILE_POLICY: ReconcilePolicy = {
  graceMs: 2 * MINUTE,
  taskStuckAfterMs: MINUTE,
  taskStuckAfterAttempts: 3,
  restartPauseMs: MINUTE,
  maxRestarts: 5,
  restartWindowMs: 24 * 60 * MINUTE,
  recheckIntervalMs: MINUTE,
  pageSize: 200,
};

/** How an import of products goes on. Milliseconds, unless a name says otherwise. */
export interface ImportPolicy {
  /**
   * Chunks applied before the workflow continues as new: each is six events of history. Most files have fewer, which
   * keeps their summary in the Web UI: it is not carried over.
   */
  chunksPerRun: number;
  /** One attempt at a chunk. It is tried until it works, so a standstill of any length is survived. */
  chunkTimeoutMs: number;
  retryInitialMs: number;
  retryMaxMs: number;
}

export const DEFAULT_IMPORT_POLICY: ImportPolicy = {
  chunksPerRun: 500,
  chunkTimeoutMs: 2 * MINUTE,
  retryInitialMs: 500,
  retryMaxMs: MINUTE,
};
