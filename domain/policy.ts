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
