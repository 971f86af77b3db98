import type { Order } from '../domain/orders/order';
import * as events from '../domain/orders/order-events';
import type { LedgerEntry, LedgerEntryKind } from '../domain/payments/payment-ledger';
import type { DomainEvent } from '../domain/shared/events';
import { paymentAttemptKey } from '../domain/shared/ids';
import type { FailedPayment, PaymentReversal } from './payments';

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

export const toPaymentEntries = (order: Order, payment: FailedPayment): LedgerEntry[] =>
  payment.outcome === 'declined'
    ? [toLedgerEntry(order, 'declined', { ...payment, amountMinor: order.totalMinor })]
    : [];

export const toPaymentEvents = (order: Order, payment: FailedPayment): DomainEvent[] => {
  if (payment.outcome === 'unavailable') {
    const failed = { attempt: payment.attempt, provider: null, intentId: null, code: 'unavailable' };
    return [events.paymentFailed(order, failed)];
  }
  const { attempt, provider, intentId, declineCode: code } = payment;
  return [events.paymentFailed(order, { attempt, provider, intentId, code })];
};

/** The events of declines in the ledger. */
export const toDeclinedEvents = (order: Order, ledger: readonly LedgerEntry[]): DomainEvent[] =>
  ledger
    .filter(({ kind }) => kind === 'declined')
    .map(({ provider, intentId, declineCode }) =>
      events.paymentFailed(order, { attempt: FIRST_ATTEMPT, provider, intentId, code: declineCode ?? '' }),
    );

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
