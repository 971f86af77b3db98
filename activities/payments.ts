import { ApplicationFailure, heartbeat, log } from '@temporalio/activity';
import type { Store } from '../db/core/store';
import { type PaymentProvider, PaymentProviderError } from '../domain/payments/provider';
import { paymentTryKey, refundKey } from '../domain/shared/ids';
import type { PaymentAttempt, PaymentUndo } from './orders';

export interface PaymentTry {
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
   * @throws ApplicationFailure `PaymentTryClosed` (not retryable) when the try was undone in the meantime.
   */
  takePayment(request: PaymentTry & { paymentMethod: string }): Promise<PaymentAttempt>;
  /** Voids or refunds whatever the try did, or keeps it from ever doing anything. */
  undoPayment(request: PaymentTry): Promise<PaymentUndo>;
}

export const PAYMENT_TRY_CLOSED = 'PaymentTryClosed';

const closed = () =>
  ApplicationFailure.nonRetryable('the payment was undone before it was made', PAYMENT_TRY_CLOSED);

export function createPaymentActivities(
  { ledger, orders }: Store,
  provider: PaymentProvider,
  now: () => number = Date.now,
): PaymentActivities {
  return {
    async takePayment({ orderId, attempt, amountMinor, currency, paymentMethod }) {
      const key = paymentTryKey(orderId, attempt);
      return callProvider(async () => {
        const created = await provider.createIntent({
          key,
          orderId,
          amountMinor,
          currency,
          capture: 'automatic',
        });
        const intentId = await ledger.openTry(
          { orderId, attempt, amountMinor, currency, provider: provider.name, intentId: created.id },
          now(),
        );
        if (intentId === null) {
          await provider.void({ key: `${key}:void`, intentId: created.id });
          throw closed();
        }
        const result = await provider.authorize({ key, intentId, paymentMethod }).catch((error: unknown) => {
          if (error instanceof PaymentProviderError && error.code === 'invalid_request') return null;
          throw error;
        });
        if (result === null) return declined('invalid_payment_method');
        switch (result.outcome) {
          case 'captured': {
            // The provider still calls it paid when the undo has given the money back.
            if (result.intent.refundedMinor > 0) throw closed();
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
            if (declineCode === null) throw closed();
            return declined(declineCode);
          }
          case 'authorized':
          case 'processing':
            throw ApplicationFailure.retryable('the payment is not settled yet', 'PaymentNotSettled');
        }

        /** A declined try is over: its intent must not be payable later. */
        async function declined(declineCode: string): Promise<PaymentAttempt> {
          await ledger.decline(
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

    async undoPayment({ orderId, attempt, amountMinor, currency }) {
      const key = paymentTryKey(orderId, attempt);
      return callProvider(async () => {
        // A run that was reset while it did this: the one after it has confirmed the order with this payment.
        if ((await orders.status(orderId)) === 'confirmed') return { outcome: 'nothing' };
        const intentId = await ledger.closeTry(
          { orderId, attempt, amountMinor, currency, provider: provider.name },
          now(),
        );
        if (intentId === null) return { outcome: 'nothing' };
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
