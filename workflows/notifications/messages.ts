export const DELIVERY_WORKFLOW = 'deliverNotifications';

/** Input of the delivery of one batch of notifications. */
export interface DeliveryInput {
  notificationIds: string[];
  queue: string;
  policy: DeliveryPolicy;
}

export interface DeliveryPolicy {
  /** Messages that are unsent after this time are marked as failed. */
  deadlineMs: number;
  attemptTimeoutMs: number;
  retryInitialMs: number;
  retryMaxMs: number;
}

export const DEFAULT_DELIVERY_POLICY: DeliveryPolicy = {
  deadlineMs: 72 * 60 * 60_000,
  attemptTimeoutMs: 5 * 60_000,
  retryInitialMs: 1_000,
  retryMaxMs: 5 * 60_000,
};
