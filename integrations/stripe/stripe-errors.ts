import Stripe from 'stripe';
import { PaymentProviderError } from '../../domain/payments/provider';

/** Stripe error codes for objects whose state does not allow the operation. */
const UNEXPECTED_STATE_CODES = new Set([
  'payment_intent_unexpected_state',
  'charge_already_captured',
  'charge_already_refunded',
  'charge_disputed',
  'charge_expired_for_capture',
]);

/** Stripe's codes and parameter names; other text may repeat the request. */
const SAFE_TOKEN = /^[a-z0-9_[\]]{1,64}$/;

const isTimeout = (detail: unknown): boolean =>
  typeof detail === 'object' && detail !== null && 'code' in detail && detail.code === 'ETIMEDOUT';

export const isUnexpectedState = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeError && UNEXPECTED_STATE_CODES.has(error.code ?? '');

/** A stored failure of an earlier request: Stripe replays responses per idempotency key for a day. */
export const isReplayedFailure = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeError &&
  (error.statusCode ?? 0) >= 500 &&
  error.headers?.['idempotent-replayed'] === 'true';

/**
 * Converts a Stripe error. Omits Stripe's message, which may repeat the request: the result is stored in logs and
 * histories. @returns other errors unchanged.
 */
export function toProviderError(operation: string, error: unknown): unknown {
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  const { code, retryable } = classifyError(error);
  const parts = [
    error.statusCode && `HTTP ${error.statusCode}`,
    SAFE_TOKEN.test(error.code ?? '') && error.code,
    SAFE_TOKEN.test(error.param ?? '') && `parameter ${error.param}`,
    error.requestId && `request ${error.requestId}`,
  ].filter(Boolean);
  const detail = parts.length > 0 ? ` (${parts.join(', ')})` : '';
  return new PaymentProviderError(`Stripe: ${operation} failed: ${code}${detail}`, code, retryable);
}

function classifyError(error: InstanceType<typeof Stripe.errors.StripeError>): {
  code: string;
  retryable: boolean;
} {
  if (error instanceof Stripe.errors.StripeConnectionError) {
    return { code: isTimeout(error.detail) ? 'timeout' : 'unreachable', retryable: true };
  }
  const status = error.statusCode;
  if (isUnexpectedState(error)) return { code: 'unexpected_state', retryable: false };
  if (status === 401 || status === 403) return { code: 'authentication', retryable: false };
  // 402 outside of confirm: the card no longer honours the authorization.
  if (status === 402) return { code: 'unexpected_state', retryable: false };
  if (status === 429 || error.code === 'rate_limit') return { code: 'rate_limited', retryable: true };
  // 409: a request with the same key is in progress. No status: the response was unreadable.
  if (status === undefined || status >= 500 || status === 409) {
    return { code: 'provider_error', retryable: true };
  }
  return { code: 'invalid_request', retryable: false };
}
