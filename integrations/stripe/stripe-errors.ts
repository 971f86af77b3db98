import Stripe from 'stripe';
import { PaymentProviderError } from '../../domain/payments/provider';

/** States of Stripe's objects that no longer allow what was asked. */
const UNEXPECTED_STATE_CODES = new Set([
  'payment_intent_unexpected_state',
  'charge_already_captured',
  'charge_already_refunded',
  'charge_disputed',
  'charge_expired_for_capture',
]);

/** Stripe's codes and parameter names; anything else could be what the caller sent. */
const SAFE_TOKEN = /^[a-z0-9_[\]]{1,64}$/;

const isTimeout = (detail: unknown): boolean =>
  typeof detail === 'object' && detail !== null && 'code' in detail && detail.code === 'ETIMEDOUT';

export const isUnexpectedState = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeError && UNEXPECTED_STATE_CODES.has(error.code ?? '');

/** A failure of a request before, which Stripe keeps for a day under its key like any other answer. */
export const isReplayedFailure = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeError &&
  (error.statusCode ?? 0) >= 500 &&
  error.headers?.['idempotent-replayed'] === 'true';

/**
 * What became of a call that failed, in our words. Says neither Stripe's message nor its error: both can repeat what
 * was sent, and what is thrown here ends in logs and histories.
 * @returns anything that is not an error of Stripe's as it is.
 */
export function toProviderError(operation: string, error: unknown): unknown {
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  const { code, retryable } = classifyError(error);
  const facts = [
    error.statusCode && `HTTP ${error.statusCode}`,
    SAFE_TOKEN.test(error.code ?? '') && error.code,
    SAFE_TOKEN.test(error.param ?? '') && `parameter ${error.param}`,
    error.requestId && `request ${error.requestId}`,
  ].filter(Boolean);
  const detail = facts.length > 0 ? ` (${facts.join(', ')})` : '';
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
  // 402 outside of a confirm: the card no longer gives what it had promised.
  if (status === 402) return { code: 'unexpected_state', retryable: false };
  if (status === 429 || error.code === 'rate_limit') return { code: 'rate_limited', retryable: true };
  // 409: the same key is still being worked on. No status: an answer that could not be read.
  if (status === undefined || status >= 500 || status === 409) {
    return { code: 'provider_error', retryable: true };
  }
  return { code: 'invalid_request', retryable: false };
}
