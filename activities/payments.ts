import { ApplicationFailure, heartbeat, log } from '@temporalio/activity';
import type { Store } from '../db/core/store';
import type { StreamHead } from '../db/events/event-log';
import type { Order, PaymentStatus } from '../domain/orders/order';
import { confirmOrder } from '../domain/orders/order-changes';
import type { SettledPayment } from '../domain/orders/order-events';
import { type PaymentProvider, PaymentProviderError } from '../domain/payments/provider';
import { paymentAttemptKey, refundKey } from '../domain/shared/ids';
import type { StepResult } from './order-steps';

export interface PaymentAttempt {
  orderId: string;
  /** Counted from 1. */
  attempt: number;
  /** Minor units of `currency`. */
  amountMinor: number;
  currency: string;
}

/** A payment attempt without a captured payment, as far as is known. */
export type FailedPayment =
  | { outcome: 'declined'; attempt: number; provider: string; intentId: string; declineCode: string }
  /** Stopped without a result: the reversal determines whether money was captured. */
  | { outcome: 'unavailable'; attempt: number };

export type PaymentResult =
  | FailedPayment
  /** Captured, and the order is confirmed. */
  | { outcome: 'confirmed'; head: StreamHead; payment: PaymentStatus; atMs: number }
  /** Captured. The order could not be confirmed: it has changed meanwhile, or the database is unavailable. */
  | { outcome: 'captured'; paid: SettledPayment };

export interface PaymentReversal {
  outcome: 'voided' | 'refunded';
  provider: string;
  intentId: string;
  amountMinor: number;
}
export type PaymentReversalResult = { outcome: 'nothing_to_reverse' } | PaymentReversal;

/**
 * The calls to the payment provider. Both are idempotent and may overlap: an activity attempt whose worker was lost can
 * still run beside the next one. The intent entry in the ledger decides between them.
 */
export interface PaymentActivities {
  /**
   * Captures the payment of one attempt and confirms the order, unless it has changed meanwhile. Records the intent's id
   * before it confirms the intent, so the reversal always finds it.
   * @param order as placed.
   * @throws ApplicationFailure `PaymentAttemptSealed` (not retryable) if the attempt was reversed meanwhile.
   */
  capturePayment(request: { order: Order; attempt: number; paymentMethod: string }): Promise<PaymentResult>;
  /** Voids or refunds the payment of an attempt, or seals the attempt if it has no intent yet. */
  reversePayment(request: PaymentAttempt): Promise<PaymentReversalResult>;
}

export const PAYMENT_ATTEMPT_SEALED = 'PaymentAttemptSealed';

const createSealedFailure = () =>
  ApplicationFailure.nonRetryable('the payment attempt was reversed', PAYMENT_ATTEMPT_SEALED);

export function createPaymentActivities(
  { ledger, orders }: Store,
  provider: PaymentProvider,
  confirm: (input: { order: Order; paid: SettledPayment }) => Promise<StepResult>,
  now: () => number = Date.now,
): PaymentActivities {
  /** In the activity that captured the payment: the workflow needs no further task to confirm the order. */
  const tryToConfirm = async (placed: Order, paid: SettledPayment): Promise<PaymentResult> => {
    const order = confirmOrder(placed, now());
    try {
      const {
        outcome,
        head,
        payment = 'paid',
        order: stored = { ...order, payment },
      } = await confirm({
        order,
        paid,
      });
      if (outcome === 'recorded' && stored.version === order.version)
        return { outcome: 'confirmed', head, payment: stored.payment, atMs: stored.updatedAtMs };
    } catch (error) {
      log.warn('the order of a captured payment could not be confirmed; its workflow retries', {
        orderId: order.id,
        error,
      });
    }
    return { outcome: 'captured', paid };
  };

  return {
    async capturePayment({ order, attempt, paymentMethod }) {
      const { id: orderId, totalMinor: amountMinor, currency } = order;
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
        if (result === null) return decline('invalid_payment_method');
        switch (result.outcome) {
          case 'captured': {
            // The provider also reports a refunded intent as captured.
            if (result.intent.refundedMinor > 0) throw createSealedFailure();
            const paid = {
              attempt,
              provider: provider.name,
              intentId,
              amountMinor: result.intent.capturedMinor,
            };
            return tryToConfirm(order, paid);
          }
          case 'declined':
            return decline(result.declineCode);
          case 'requires_action':
            // Authentication by the customer is not supported yet: the payment counts as declined.
            return decline('authentication_required');
          case 'voided': {
            // Voided after a decline by an earlier activity attempt whose result was lost, or by a reversal.
            const declineCode = await ledger.findDeclineCode(orderId, attempt);
            if (declineCode === null) throw createSealedFailure();
            return decline(declineCode);
          }
          case 'authorized':
          case 'processing':
            throw ApplicationFailure.retryable('the payment is not settled', 'PaymentNotSettled');
        }

        /** Records the decline and voids the intent, so that it cannot be paid later. */
        async function decline(declineCode: string): Promise<PaymentResult> {
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
        // The workflow was reset during the reversal, and the new run confirmed the order with this payment.
        if ((await orders.findStatus(orderId)) === 'confirmed') return { outcome: 'nothing_to_reverse' };
        const intentId = await ledger.sealAttempt(
          { orderId, attempt, amountMinor, currency, provider: provider.name },
          now(),
        );
        if (intentId === null) return { outcome: 'nothing_to_reverse' };
        // A declined payment was voided when its decline was recorded.
        if ((await ledger.findDeclineCode(orderId, attempt)) !== null)
          return { outcome: 'nothing_to_reverse' };
        const intent = await provider.retrieve(intentId);
        const reversed = { provider: provider.name, intentId };
        switch (intent.state) {
          case 'captured': {
            const refundableMinor = intent.capturedMinor - intent.refundedMinor;
            if (refundableMinor > 0) {
              const refund = await provider.refund({
                key: refundKey(orderId, `pay:${attempt}`),
                intentId,
                amountMinor: refundableMinor,
              });
              if (refund.state === 'failed') {
                throw ApplicationFailure.retryable('the refund failed at the provider', 'RefundFailed');
              }
            }
            return { outcome: 'refunded', ...reversed, amountMinor: intent.capturedMinor };
          }
          case 'processing':
            throw ApplicationFailure.retryable('the payment is still processing', 'PaymentNotSettled');
          default:
            await provider.void({ key: `${key}:void`, intentId });
            return { outcome: 'voided', ...reversed, amountMinor: intent.amountMinor };
        }
      });
    },
  };
}

const HEARTBEAT_MS = 3_000;

/** Sends heartbeats during the call and converts provider errors, without data of the request. */
async function callProvider<T>(call: () => Promise<T>): Promise<T> {
  const heartbeats = setInterval(() => heartbeat(), HEARTBEAT_MS);
  try {
    return await call();
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
    clearInterval(heartbeats);
  }
}
