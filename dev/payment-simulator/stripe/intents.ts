import { resourceNotFound } from '../errors';
import {
  type IntentRecord,
  type IntentStatus,
  newId,
  type Outcome,
  type PaymentMethodRecord,
} from '../store/records';
import { type CardDecline, findTestPaymentMethod } from './test-payment-methods';

/**
 * State transitions of an intent (https://docs.stripe.com/payments/paymentintents/lifecycle) as pure functions. `now` in
 * Unix seconds.
 */

const CONFIRMABLE: readonly IntentStatus[] = [
  'requires_payment_method',
  'requires_confirmation',
  'requires_action',
];
const CAPTURABLE: readonly IntentStatus[] = ['requires_capture'];
const CANCELABLE: readonly IntentStatus[] = [
  'requires_payment_method',
  'requires_capture',
  'requires_confirmation',
  'requires_action',
  'processing',
];

export type NewIntent = Pick<
  IntentRecord,
  'amount' | 'currency' | 'captureMethod' | 'automaticMethods' | 'methodTypes' | 'metadata' | 'description'
>;

/** @throws ApiError resource_missing if the method is not one of Stripe's test methods. */
export function createIntent(request: NewIntent, methodName: string | null, now: number): IntentRecord {
  return {
    ...request,
    id: newId('pi'),
    created: now,
    status: methodName === null ? 'requires_payment_method' : 'requires_confirmation',
    method: methodName === null ? null : attachPaymentMethod(methodName, now),
    chargeId: null,
    chargedAt: null,
    amountCaptured: 0,
    amountRefunded: 0,
    lastFailure: null,
    canceledAt: null,
    cancellationReason: null,
  };
}

/** @throws ApiError resource_missing if the method is not one of Stripe's test methods. */
export function confirmIntent(intent: IntentRecord, methodName: string | null, now: number): Outcome {
  const newMethod = methodName === null ? null : attachPaymentMethod(methodName, now);
  if (intent.status === 'succeeded') {
    return unexpectedState(
      intent,
      'You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.',
    );
  }
  if (!CONFIRMABLE.includes(intent.status))
    return unexpectedStatus(intent, 'confirm', 'confirmed', CONFIRMABLE);
  const method = newMethod ?? intent.method;
  if (method === null) {
    return unexpectedState(
      intent,
      "You cannot confirm this PaymentIntent because it's missing a payment method. Confirm it again with a payment method.",
    );
  }
  const { result } = findTestPaymentMethod(method.testMethod)!;
  if (result === 'needs_authentication') {
    return { kind: 'intent', intent: { ...intent, method, status: 'requires_action', lastFailure: null } };
  }
  if (result !== 'approved') return toDeclinedOutcome(intent, method, result, now);
  const manual = intent.captureMethod === 'manual';
  return {
    kind: 'intent',
    intent: {
      ...intent,
      method,
      status: manual ? 'requires_capture' : 'succeeded',
      chargeId: newId('ch'),
      chargedAt: now,
      amountCaptured: manual ? 0 : intent.amount,
      lastFailure: null,
    },
  };
}

/** Captures once and releases the uncaptured amount. `amount` null captures the authorized amount. */
export function captureIntent(intent: IntentRecord, amount: number | null): Outcome {
  if (!CAPTURABLE.includes(intent.status)) {
    const allowed = `Only a PaymentIntent with one of the following statuses may be captured: ${CAPTURABLE.join(', ')}.`;
    return unexpectedState(
      intent,
      `This PaymentIntent could not be captured because it has a status of ${intent.status}. ${allowed}`,
    );
  }
  const amountCaptured = amount ?? intent.amount;
  if (amountCaptured > intent.amount) {
    return {
      kind: 'rejected',
      status: 400,
      error: {
        type: 'invalid_request_error',
        code: 'amount_too_large',
        param: 'amount_to_capture',
        message: 'The amount to capture is greater than the amount that can be captured.',
      },
      intent,
    };
  }
  return { kind: 'intent', intent: { ...intent, status: 'succeeded', amountCaptured } };
}

export function cancelIntent(intent: IntentRecord, reason: string | null, now: number): Outcome {
  if (!CANCELABLE.includes(intent.status)) return unexpectedStatus(intent, 'cancel', 'canceled', CANCELABLE);
  return {
    kind: 'intent',
    intent: { ...intent, status: 'canceled', canceledAt: now, cancellationReason: reason },
  };
}

function attachPaymentMethod(name: string, now: number): PaymentMethodRecord {
  if (findTestPaymentMethod(name) === undefined)
    throw resourceNotFound('PaymentMethod', name, 'payment_method', 400);
  return { id: newId('pm'), testMethod: name, created: now };
}

/** A declined intent requires a new payment method and stores the failure. */
function toDeclinedOutcome(
  intent: IntentRecord,
  method: PaymentMethodRecord,
  decline: CardDecline,
  now: number,
): Outcome {
  const chargeId = newId('ch');
  return {
    kind: 'rejected',
    status: 402,
    error: {
      type: 'card_error',
      code: decline.code,
      ...(decline.declineCode === null ? {} : { decline_code: decline.declineCode }),
      message: decline.message,
      charge: chargeId,
    },
    intent: {
      ...intent,
      status: 'requires_payment_method',
      method: null,
      chargeId,
      chargedAt: now,
      lastFailure: { chargeId, method, ...decline },
    },
  };
}

const unexpectedStatus = (
  intent: IntentRecord,
  verb: string,
  participle: string,
  allowed: readonly IntentStatus[],
) =>
  unexpectedState(
    intent,
    `You cannot ${verb} this PaymentIntent because it has a status of ${intent.status}. ` +
      `Only a PaymentIntent with one of the following statuses may be ${participle}: ${allowed.join(', ')}.`,
  );

const unexpectedState = (intent: IntentRecord, message: string): Outcome => ({
  kind: 'rejected',
  status: 400,
  error: { type: 'invalid_request_error', code: 'payment_intent_unexpected_state', message },
  intent,
});
