import { type ErrorFields, type IntentRecord, newId, type Outcome } from '../store/records';

/**
 * Gives back money that was captured, never more than that. `amount` in minor units, null for all that is left;
 * `now` in Unix seconds.
 */
export function refundIntent(
  intent: IntentRecord,
  request: { amount: number | null; reason: string | null; metadata: Record<string, string> },
  now: number,
): Outcome {
  if (intent.amountCaptured === 0 || intent.chargeId === null) {
    return refundRejected({
      message: `This PaymentIntent (${intent.id}) does not have a successful charge to refund.`,
    });
  }
  const left = intent.amountCaptured - intent.amountRefunded;
  if (left === 0) {
    return refundRejected({
      code: 'charge_already_refunded',
      message: `Charge ${intent.chargeId} has already been refunded.`,
    });
  }
  const amount = request.amount ?? left;
  if (amount > left) {
    return refundRejected({
      param: 'amount',
      message: `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`,
    });
  }
  return {
    kind: 'refund',
    refund: {
      id: newId('re'),
      created: now,
      intentId: intent.id,
      chargeId: intent.chargeId,
      amount,
      currency: intent.currency,
      metadata: request.metadata,
      reason: request.reason,
    },
    intent: { ...intent, amountRefunded: intent.amountRefunded + amount },
  };
}

const refundRejected = (fields: Omit<ErrorFields, 'type'>): Outcome => ({
  kind: 'refused',
  status: 400,
  error: { type: 'invalid_request_error', ...fields },
  intent: null,
});
