import { createHash } from 'node:crypto';
import { toErrorBody } from '../errors';
import type {
  ErrorFields,
  IntentRecord,
  JournalEntry,
  PaymentFailure,
  PaymentMethodRecord,
  RefundRecord,
} from '../store/records';
import { findTestPaymentMethod } from './test-payment-methods';

/** Serializes records as Stripe's JSON objects. Pure, so that a replayed response equals the first byte for byte. */

const INJECTED_FAULT_ERROR: ErrorFields = {
  type: 'api_error',
  message: 'Injected fault: the request may have been executed.',
};

/** The response to a request, from its journal entry alone. */
export function toResponse({ outcome, expandCharge, failed }: JournalEntry): {
  status: number;
  body: object;
} {
  if (failed) return { status: 500, body: toErrorBody(INJECTED_FAULT_ERROR) };
  switch (outcome.kind) {
    case 'intent':
      return { status: 200, body: toIntentObject(outcome.intent, expandCharge) };
    case 'refund':
      return { status: 200, body: toRefundObject(outcome.refund) };
    case 'rejected': {
      const { error, intent, status } = outcome;
      const failedMethod = status === 402 && intent?.lastFailure?.method;
      return {
        status,
        body: toErrorBody(error, {
          ...(intent && { payment_intent: toIntentObject(intent, false) }),
          ...(failedMethod && { payment_method: toPaymentMethodObject(failedMethod) }),
        }),
      };
    }
  }
}

export function toIntentObject(intent: IntentRecord, expandCharge: boolean) {
  return {
    id: intent.id,
    object: 'payment_intent',
    amount: intent.amount,
    amount_capturable: intent.status === 'requires_capture' ? intent.amount : 0,
    amount_details: { tip: {} },
    amount_received: intent.amountCaptured,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: intent.automaticMethods && {
      allow_redirects: intent.automaticMethods.allowRedirects,
      enabled: true,
    },
    canceled_at: intent.canceledAt,
    cancellation_reason: intent.cancellationReason,
    capture_method: intent.captureMethod,
    client_secret: `${intent.id}_secret_${createHash('sha256').update(intent.id).digest('hex').slice(0, 24)}`,
    confirmation_method: 'automatic',
    created: intent.created,
    currency: intent.currency,
    customer: null,
    description: intent.description,
    last_payment_error: intent.lastFailure && toPaymentErrorObject(intent.lastFailure),
    latest_charge: expandCharge && intent.chargeId !== null ? toChargeObject(intent) : intent.chargeId,
    livemode: false,
    metadata: intent.metadata,
    next_action:
      intent.status === 'requires_action'
        ? { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure_redirect' } }
        : null,
    on_behalf_of: null,
    payment_method: intent.method?.id ?? null,
    payment_method_options: {},
    payment_method_types: intent.methodTypes,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: intent.status,
    transfer_data: null,
    transfer_group: null,
  };
}

export function toRefundObject(refund: RefundRecord) {
  return {
    id: refund.id,
    object: 'refund',
    amount: refund.amount,
    balance_transaction: null,
    charge: refund.chargeId,
    created: refund.created,
    currency: refund.currency,
    destination_details: { card: { type: 'refund' }, type: 'card' },
    metadata: refund.metadata,
    payment_intent: refund.intentId,
    reason: refund.reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status: 'succeeded',
    transfer_reversal: null,
  };
}

/** Like Stripe, reports an amount released by a capture or a cancellation as refunded on the charge. */
function toChargeObject(intent: IntentRecord) {
  const failure = intent.lastFailure?.chargeId === intent.chargeId ? intent.lastFailure : null;
  const method = failure?.method ?? intent.method;
  const captured = intent.status === 'succeeded';
  const released = failure === null && (captured || intent.status === 'canceled');
  const amountRefunded = intent.amountRefunded + (released ? intent.amount - intent.amountCaptured : 0);
  return {
    id: intent.chargeId,
    object: 'charge',
    amount: intent.amount,
    amount_captured: intent.amountCaptured,
    amount_refunded: amountRefunded,
    captured,
    created: intent.chargedAt,
    currency: intent.currency,
    disputed: false,
    failure_code: failure?.code ?? null,
    failure_message: failure?.message ?? null,
    livemode: false,
    metadata: intent.metadata,
    outcome: {
      network_status: failure ? 'declined_by_network' : 'approved_by_network',
      reason: failure ? (failure.declineCode ?? failure.code) : null,
      type: failure ? 'issuer_declined' : 'authorized',
    },
    paid: failure === null,
    payment_intent: intent.id,
    payment_method: method?.id ?? null,
    payment_method_details: method && { card: toCardObject(method), type: 'card' },
    refunded: amountRefunded === intent.amount,
    status: failure ? 'failed' : 'succeeded',
  };
}

const toPaymentErrorObject = (failure: PaymentFailure) =>
  toErrorBody(
    {
      type: 'card_error',
      code: failure.code,
      message: failure.message,
      charge: failure.chargeId,
      ...(failure.declineCode === null ? {} : { decline_code: failure.declineCode }),
    },
    { payment_method: toPaymentMethodObject(failure.method) },
  ).error;

const toPaymentMethodObject = (method: PaymentMethodRecord) => ({
  id: method.id,
  object: 'payment_method',
  card: toCardObject(method),
  created: method.created,
  customer: null,
  livemode: false,
  metadata: {},
  type: 'card',
});

function toCardObject(method: PaymentMethodRecord) {
  const { brand, last4 } = findTestPaymentMethod(method.testMethod)!;
  return { brand, country: 'US', exp_month: 12, exp_year: 2040, funding: 'credit', last4 };
}
