import { ApplicationFailure, heartbeat, log } from '@temporalio/activity';
import type { Store } from '../db/core/store';
import { type PaymentProvider, PaymentProviderError } from '../domain/payments/provider';
import { paymentAttemptKey, refundKey } from '../domain/shared/ids';
import type { PaymentResult, PaymentReversalResult } from './orders';

export interface PaymentAttempt {
  orderId: string;
  /** 1 for the customer's first try. */
  attempt: number;
  /** Minor units of `currency`. */
  amountMinor: number;
  currency: string;
}

/**
 * The calls to the payment provider. Both may run again and may overlap: an attempt that lost its worker can still be at
 * work while the next one runs. The try's row in the ledger decides between them.
 */
export interface PaymentActivities {
  /**
   * Takes the money of one try. The intent's id is in the ledger before the intent is confirmed, so that an undo always
   * finds what it has to undo.
   * @throws ApplicationFailure `PaymentAttemptSealed` (not retryable) when the try was undone in the meantime.
   */
  capturePayment(request: PaymentAttempt & { paymentMethod: string }): Promise<PaymentResult>;
  /** Voids or refunds whatever the try did, or keeps it from ever doing anything. */
  reversePayment(request: PaymentAttempt): Promise<PaymentReversalResult>;
}

export const PAYMENT_ATTEMPT_SEALED = 'PaymentAttemptSealed';

const createSealedFailure = () =>
  ApplicationFailure.nonRetryable('the payment was undone before it was made', PAYMENT_ATTEMPT_SEALED);

export function createPaymentActivities(
  { ledger, orders }: Store,
  provider: PaymentProvider,
  now: () => number = Date.now,
): PaymentActivities {
  return {
    async capturePayment({ orderId, attempt, amountMinor, currency, paymentMethod }) {
      const key = paymentAttemptKey(orderId, attempt);
      return callProvider(async () => {
        const created = await provider.createIntent({
          key,
          orderId,
          amountMinor,
          currency,
          capture: 'automatic',
        });
        const intentId = await ledger.recordIntent(
          { orderId, attempt, amountMinor, currency, provider: provider.name, intentId: created.id },
          now(),
        );
        if (intentId === null) {
          await provider.void({ key: `${key}:void`, intentId: created.id });
          throw createSealedFailure();
        }
        const result = await provider.authorize({ key, intentId, paymentMethod }).catch((error: unknown) => {
          if (error instanceof PaymentProviderError && error.code === 'invalid_request') return null;
          throw error;
        });
        if (result === null) return declined('invalid_payment_method');
        switch (result.outcome) {
          case 'captured': {
            // The provider still calls it paid when the undo has given the money back.
            if (result.intent.refundedMinor > 0) throw createSealedFailure();
            const paid = {
              attempt,
              provider: provider.name,
              intentId,
              amountMinor: result.intent.capturedMinor,
            };
            return { outcome: 'captured', paid };
          }
          case 'declined':
            return declined(result.declineCode);
          case 'requires_action':
            // Nobody waits for the customer yet, so an issuer that wants to see them is one that declines.
            return declined('authentication_required');
          case 'voided': {
            // By the attempt before, which declined it and was lost, or by an undo.
            const declineCode = await ledger.declineCode(orderId, attempt);
            if (declineCode === null) throw createSealedFailure();
            return declined(declineCode);
          }
          case 'authorized':
          case 'processing':
            throw ApplicationFailure.retryable('the payment is not settled yet', 'PaymentNotSettled');
        }

        /** A declined try is over: its intent must not be payable later. */
        async function declined(declineCode: string): Promise<PaymentResult> {
          await ledger.recordDecline(
            {
              orderId,
              attempt,
              amountMinor,
              currency,
              provider: provider.name,
              intentId: intentId as string,
              declineCode,
            },
            now(),
          );
          await provider.void({ key: `${key}:void`, intentId: intentId as string });
          return {
            outcome: 'declined',
            attempt,
            provider: provider.name,
            intentId: intentId as string,
            declineCode,
          };
        }
      });
    },

    async reversePayment({ orderId, attempt, amountMinor, currency }) {
      const key = paymentAttemptKey(orderId, attempt);
      return callProvider(async () => {
        // A run that was reset while it did this: the one after it has confirmed the order with this payment.
        if ((await orders.findStatus(orderId)) === 'confirmed') return { outcome: 'nothing_to_reverse' };
        const intentId = await ledger.sealAttempt(
          { orderId, attempt, amountMinor, currency, provider: provider.name },
          now(),
        );
        if (intentId === null) return { outcome: 'nothing_to_reverse' };
        const intent = await provider.retrieve(intentId);
        const undone = { provider: provider.name, intentId };
        switch (intent.state) {
          case 'captured': {
            const owed = intent.capturedMinor - intent.refundedMinor;
            if (owed > 0) {
              const refund = await provider.refund({
                key: refundKey(orderId, `pay:${attempt}`),
                intentId,
                amountMinor: owed,
              });
              if (refund.state === 'failed') {
                throw ApplicationFailure.retryable('the provider could not refund', 'RefundFailed');
              }
            }
            return { outcome: 'refunded', ...undone, amountMinor: intent.capturedMinor };
          }
          case 'processing':
            throw ApplicationFailure.retryable('the payment is still being processed', 'PaymentNotSettled');
          default:
            await provider.void({ key: `${key}:void`, intentId });
            return { outcome: 'voided', ...undone, amountMinor: intent.amountMinor };
        }
      });
    },
  };
}

const HEARTBEAT_MS = 3_000;

/** Tells Temporal that it lives, and what it needs to know of a provider's error: nothing of the request. */
async function callProvider<T>(work: () => Promise<T>): Promise<T> {
  const alive = setInterval(() => heartbeat(), HEARTBEAT_MS);
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PaymentProviderError)) throw error;
    log.warn('payment provider call failed', { code: error.code, retryable: error.retryable });
    throw ApplicationFailure.create({
      message: `payment provider: ${error.code}`,
      type: 'PaymentProviderError',
      nonRetryable: !error.retryable,
      details: [error.code],
    });
  } finally {
    clearInterval(alive);
  }
}
