import type { Order } from '../domain/orders/order';
import * as events from '../domain/orders/order-events';
import type { LedgerEntry, LedgerEntryKind } from '../domain/payments/payment-ledger';
import type { DomainEvent } from '../domain/shared/events';
import { paymentAttemptKey } from '../domain/shared/ids';
import type { PaymentResult, PaymentReversal } from './payments';

/** The ledger entries and events that record results of the payment activities. */

const FIRST_ATTEMPT = 1;

interface ProviderPayment {
  attempt?: number;
  provider: string;
  intentId: string | null;
  amountMinor: number;
  declineCode?: string;
}

export const toLedgerEntry = (
  order: Order,
  kind: LedgerEntryKind,
  payment: ProviderPayment,
): LedgerEntry => ({
  key: `${paymentAttemptKey(order.id, payment.attempt ?? FIRST_ATTEMPT)}:${kind}`,
  orderId: order.id,
  kind,
  amountMinor: payment.amountMinor,
  currency: order.currency,
  provider: payment.provider,
  intentId: payment.intentId,
  declineCode: payment.declineCode ?? null,
});

export const toPaymentEntries = (order: Order, result: PaymentResult | undefined): LedgerEntry[] => {
  switch (result?.outcome) {
    case 'captured':
      return [toLedgerEntry(order, 'captured', result.paid)];
    case 'declined':
      return [toLedgerEntry(order, 'declined', { ...result, amountMinor: order.totalMinor })];
    default:
      return [];
  }
};

export const toPaymentEvents = (order: Order, result: PaymentResult | undefined): DomainEvent[] => {
  switch (result?.outcome) {
    case 'captured':
      return [events.paymentSucceeded(order, result.paid)];
    case 'declined': {
      const { attempt, provider, intentId, declineCode: code } = result;
      return [events.paymentFailed(order, { attempt, provider, intentId, code })];
    }
    case 'unavailable': {
      const { attempt } = result;
      return [events.paymentFailed(order, { attempt, provider: null, intentId: null, code: 'unavailable' })];
    }
    case undefined:
      return [];
  }
};

/** A refund implies the capture, also when the result of the capture was lost. */
export const toReversalEntries = (order: Order, reversal: PaymentReversal): LedgerEntry[] =>
  reversal.outcome === 'voided'
    ? [toLedgerEntry(order, 'voided', reversal)]
    : [toLedgerEntry(order, 'captured', reversal), toLedgerEntry(order, 'refunded', reversal)];

export const toReversalEvents = (order: Order, reversal: PaymentReversal): DomainEvent[] => {
  const { provider, intentId, amountMinor } = reversal;
  if (reversal.outcome === 'voided') return [events.paymentVoided(order, { provider, intentId })];
  return [
    events.paymentSucceeded(order, { attempt: FIRST_ATTEMPT, provider, intentId, amountMinor }),
    events.paymentRefunded(order, { provider, intentId, amountMinor }),
  ];
};
