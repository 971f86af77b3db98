import { ActivityCancellationType, ActivityFailure, proxyActivities, sleep } from '@temporalio/workflow';
import type { PaymentActivities } from '../../activities/payments';
import * as orderChanges from '../../domain/orders/order-changes';
import type { OrderInput } from './messages';
import { describeFailure, type OrderState, orderActivities } from './order-state';

/** What reverses the effects of an order. Reservations and ledger determine what there is to reverse. */

export async function releaseStock(state: OrderState): Promise<void> {
  await state.persist('release the stock', () =>
    orderActivities.releaseStock({ orderId: state.order.id, atMs: Date.now() }),
  );
}

export const REVERSE_PAYMENT = 'reverse the payment';
/** Number of the payment attempt. */
export const ATTEMPT = 1;

/** Voids or refunds in rounds until it succeeds. After the first failed round the order requires attention. */
export async function reversePayment(state: OrderState): Promise<void> {
  if (!state.hasPaymentAttempt) return;
  const { input } = state;
  const { policy } = input;
  const { id: orderId, totalMinor: amountMinor, currency } = input.order;
  let pauseMs = policy.retryInitialMs;
  let roundMs = policy.attentionAfterMs;
  for (;;) {
    const startedMs = Date.now();
    try {
      const reversal = await paymentActivities(input, REVERSE_PAYMENT, roundMs).reversePayment({
        orderId,
        attempt: ATTEMPT,
        amountMinor,
        currency,
      });
      if (state.order.attention !== null) await state.setAttention(REVERSE_PAYMENT, null);
      if (reversal.outcome === 'nothing_to_reverse') return;
      return await state.applyChange(
        'record the payment reversal',
        (o) => orderChanges.recordPaymentReversal(o, Date.now()),
        (order) => orderActivities.recordPaymentReversal({ order, reversal }),
      );
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      if (state.order.attention === null) await state.setAttention(REVERSE_PAYMENT, describeFailure(error));
    }
    // Wait out the rest of the round, so that fast failures do not fill the history.
    const remainingMs = roundMs - (Date.now() - startedMs);
    await sleep(Math.max(pauseMs, remainingMs), {
      summary: `wait for the next attempt to ${REVERSE_PAYMENT}`,
    });
    await state.continueAsNewIfSuggested();
    pauseMs = Math.min(2 * pauseMs, policy.retryMaxMs);
    roundMs = policy.compensationRoundMs;
  }
}

export const paymentActivities = ({ queues, policy }: OrderInput, summary: string, deadlineMs: number) =>
  proxyActivities<PaymentActivities>({
    summary,
    taskQueue: queues.payments,
    startToCloseTimeout: policy.paymentAttemptTimeoutMs,
    // Detects a killed worker before the attempt times out.
    heartbeatTimeout: '10s',
    scheduleToCloseTimeout: deadlineMs,
    retry: { initialInterval: policy.retryInitialMs, maximumInterval: policy.retryMaxMs },
    // A payment in flight is awaited, then reversed; a pending retry is cancelled at once.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
