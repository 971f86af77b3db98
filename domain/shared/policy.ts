/** Every duration of an order, in milliseconds. Part of the workflow input, so it stays fixed for the life of an order. */
export interface OrderPolicy {
  /** How long payment is attempted before the order is rejected. */
  paymentDeadlineMs: number;
  /** One payment attempt: two provider calls of at most ten seconds each, plus their ledger writes. */
  paymentAttemptTimeoutMs: number;
  /** First delay between two provider calls; doubles up to `retryMaxMs`. */
  retryInitialMs: number;
  retryMaxMs: number;
  /** How long a compensation is retried before the order shows `attention`. Retries continue after that. */
  attentionAfterMs: number;
  /** Length of one later round of compensation retries: long, so that an outage writes few history events. */
  compensationRoundMs: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

export const DEFAULT_ORDER_POLICY: OrderPolicy = {
  paymentDeadlineMs: 15 * MINUTE,
  paymentAttemptTimeoutMs: 30 * SECOND,
  retryInitialMs: 500,
  retryMaxMs: MINUTE,
  attentionAfterMs: 20 * SECOND,
  compensationRoundMs: 10 * MINUTE,
};

/** How reconciliation finds orders whose workflow makes no progress. Milliseconds, unless a name states another unit. */
export interface ReconcilePolicy {
  /** Orders younger than this are skipped; also covers the delay of Temporal's visibility. */
  graceMs: number;
  /** A workflow task pending for longer counts as stuck. */
  taskStuckAfterMs: number;
  /** A workflow task that failed this often counts as stuck. */
  taskStuckAfterAttempts: number;
  /** Delay after the first restart of an order; each further restart waits four times as long. */
  restartPauseMs: number;
  /** Maximum restarts of one order within `restartWindowMs`. After that an operator must act. */
  maxRestarts: number;
  restartWindowMs: number;
  /** Delay between two checks of an order that waits for an operator. */
  recheckIntervalMs: number;
  /** Orders checked in one batch, per candidate source. */
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

/** Durations and limits of a product import. Milliseconds, unless a name states another unit. */
export interface ImportPolicy {
  /**
   * Chunks applied before the workflow continues as new: each adds six history events. Most files have fewer and keep
   * their summary in the Web UI, which is not carried over.
   */
  chunksPerRun: number;
  /** One attempt to apply a chunk. Attempts are unlimited, so an import survives an outage of any length. */
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
