/** State of a payment intent, independent of the provider. `processing` settles later without another call. */
export type IntentState =
  | 'requires_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'processing'
  | 'authorized'
  | 'captured'
  | 'voided';

/** A payment intent at the provider. Amounts in minor units of `currency` (ISO 4217, upper case). */
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
  /** `declineCode` comes from the issuer (`generic_decline`, `insufficient_funds`, …). */
  | { outcome: 'declined'; intent: PaymentIntent; declineCode: string };

export interface Refund {
  id: string;
  intentId: string;
  amountMinor: number;
  state: 'succeeded' | 'pending' | 'failed';
}

/**
 * A payment provider. Every call with an effect takes an idempotency `key` made from the order and the business step:
 * repeated calls with the same key have one effect.
 * @throws PaymentProviderError with `retryable` true if the same call may be repeated.
 */
export interface PaymentProvider {
  readonly name: string;
  /** Creates the intent without charging. `capture: 'automatic'` captures on authorization. */
  createIntent(request: {
    key: string;
    orderId: string;
    amountMinor: number;
    currency: string;
    capture: 'automatic' | 'manual';
  }): Promise<PaymentIntent>;
  authorize(request: { key: string; intentId: string; paymentMethod: string }): Promise<AuthorizeResult>;
  capture(request: { key: string; intentId: string; amountMinor: number }): Promise<PaymentIntent>;
  /** Voids an intent without captures. An intent that is already voided is returned unchanged. */
  void(request: { key: string; intentId: string }): Promise<PaymentIntent>;
  refund(request: { key: string; intentId: string; amountMinor: number }): Promise<Refund>;
  retrieve(intentId: string): Promise<PaymentIntent>;
  /** Lists intents, newest first, starting after the intent `after`; at most 100 a page. Used by verification. */
  list(page: { after?: string; limit: number }): Promise<(PaymentIntent & { orderId: string | null })[]>;
}

export class PaymentProviderError extends Error {
  override readonly name = 'PaymentProviderError';
  constructor(
    message: string,
    /** Stable code: `unreachable`, `timeout`, `rate_limited`, `provider_error`, `invalid_request`, `unexpected_state`, `authentication`. */
    readonly code: string,
    readonly retryable: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
