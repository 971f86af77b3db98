/** What an intent of the provider is in, in our words. `processing` settles later by itself. */
export type IntentState =
  | 'requires_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'processing'
  | 'authorized'
  | 'captured'
  | 'voided';

/** A try to take money. Amounts in minor units of `currency` (ISO 4217, upper case). */
export interface PaymentIntent {
  id: string;
  state: IntentState;
  amountMinor: number;
  capturedMinor: number;
  refundedMinor: number;
  currency: string;
}

export type AuthorizeResult =
  | {
      outcome: 'authorized' | 'captured' | 'requires_action' | 'processing' | 'voided';
      intent: PaymentIntent;
    }
  /** `declineCode` is the issuer's word (`generic_decline`, `insufficient_funds`, …); never shown as is to a fraudster. */
  | { outcome: 'declined'; intent: PaymentIntent; declineCode: string };

export interface Refund {
  id: string;
  intentId: string;
  amountMinor: number;
  state: 'succeeded' | 'pending' | 'failed';
}

/**
 * One payment provider. Every call that acts takes an idempotency `key` made from the order and the business step: the
 * same key gives the same effect once, whatever was lost on the way.
 *
 * Errors: `PaymentProviderError`; `retryable` says whether the same call may be made again.
 */
export interface PaymentProvider {
  readonly name: string;
  /** Creates the intent. Takes nothing yet. `capture: 'automatic'` captures when authorized. */
  createIntent(request: {
    key: string;
    orderId: string;
    amountMinor: number;
    currency: string;
    capture: 'automatic' | 'manual';
  }): Promise<PaymentIntent>;
  authorize(request: { key: string; intentId: string; paymentMethod: string }): Promise<AuthorizeResult>;
  capture(request: { key: string; intentId: string; amountMinor: number }): Promise<PaymentIntent>;
  /** Ends an intent that has captured nothing. An intent voided before stays so and is returned. */
  void(request: { key: string; intentId: string }): Promise<PaymentIntent>;
  refund(request: { key: string; intentId: string; amountMinor: number }): Promise<Refund>;
  retrieve(intentId: string): Promise<PaymentIntent>;
  /** All intents, newest first, behind the intent `after`; at most 100 at once. For the audit. */
  list(page: { after?: string; limit: number }): Promise<(PaymentIntent & { orderId: string | null })[]>;
}

export class PaymentProviderError extends Error {
  override readonly name = 'PaymentProviderError';
  constructor(
    message: string,
    /** Stable word: `unreachable`, `timeout`, `rate_limited`, `provider_error`, `invalid_request`, `unexpected_state`, `authentication`. */
    readonly code: string,
    readonly retryable: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
