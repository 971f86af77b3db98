import { type ErrorFields, type IntentRecord, newId, type Outcome } from '../store/records';

/**
 * Refunds up to the captured amount. `amount` in minor units, null for the unrefunded amount; `now` in Unix seconds.
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
  const unrefunded = intent.amountCaptured - intent.amountRefunded;
  if (unrefunded === 0) {
    return refundRejected({
      code: 'charge_already_refunded',
      message: `Charge ${intent.chargeId} has already been refunded.`,
    });
  }
  const amount = request.amount ?? unrefunded;
  if (amount > unrefunded) {
    return refundRejected({
      param: 'amount',
      message: `Refund amount (${amount}) is greater than unrefunded amount on charge (${unrefunded})`,
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
  kind: 'rejected',
  status: 400,
  error: { type: 'invalid_request_error', ...fields },
  intent: null,
});
