import {
  ActivityCancellationType,
  ActivityFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  proxyActivities,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import type { PaymentActivities, PaymentAttempt, PaymentResult } from '../../activities/payments';
import type { Rejection } from '../../domain/orders/order';
import * as change from '../../domain/orders/order-changes';
import { type Compensations, createCompensations } from '../shared/compensations';
import { CancellationRequests } from './cancellation';
import { getOrder, type OrderInput, placement } from './messages';
import { describeFailure, OrderClosedError, OrderState, orderActivities, StaleRunError } from './order-state';

/**
 * One order, from its placement to its end: reserve, pay, confirm; then it rests until somebody cancels it.
 * Whatever it did is undone if it ends in `rejected` or `cancelled`.
 */
export async function order(input: OrderInput): Promise<{ status: string }> {
  const desk = new OrderState(input.order, input.policy);
  const cancellation = new CancellationRequests(desk);
  setHandler(getOrder, () => desk.order);
  setHandler(placement, () =>
    CancellationScope.nonCancellable(async () => {
      await condition(() => desk.decision !== undefined);
      return desk.decision ?? desk.order;
    }),
  );

  // Temporal's own cancel is a message like any other: nothing here is cut off by it.
  return CancellationScope.nonCancellable(async () => {
    await runToCompletion(input, desk, cancellation);
    await cancellation.flushRejections();
    await condition(allHandlersFinished);
    return { status: desk.order.status };
  });
}

/** Runs it, and takes it up anew where a run that was reset has brought it further than this one knows. */
async function runToCompletion(
  input: OrderInput,
  desk: OrderState,
  cancellation: CancellationRequests,
): Promise<void> {
  for (;;) {
    try {
      return await runOnce(input, desk, cancellation);
    } catch (error) {
      if (error instanceof OrderClosedError) return;
      if (!(error instanceof StaleRunError)) throw error;
      cancellation.reopen();
    }
  }
}

async function runOnce(
  input: OrderInput,
  desk: OrderState,
  cancellation: CancellationRequests,
): Promise<void> {
  const undo = createCompensations();

  const opened = await reserve(input, desk, undo, cancellation);
  if (opened === 'rejected') return;
  if (opened !== 'reserved') {
    // The run before this one may have paid, or may still be about to: the undo knows.
    undo.add(REVERSE_PAYMENT, () => reversePayment(input, desk));
    if (desk.order.status !== 'placed') {
      await condition(() => cancellation.requested !== undefined);
      return cancel(desk, undo, cancellation);
    }
    // It was giving the order up. Without its stock the order must not be paid.
    if (opened === 'reservation_released' && cancellation.requested === undefined) {
      return reject(desk, undo, cancellation, {
        outcome: 'unavailable',
        attempt: firstAttempt(input).attempt,
      });
    }
  }

  const attempt =
    cancellation.requested === undefined ? await pay(input, desk, undo, cancellation) : undefined;

  if (cancellation.requested !== undefined) return cancel(desk, undo, cancellation, attempt);
  switch (attempt?.outcome) {
    case 'captured':
      await desk.applyChange(
        'confirm the order',
        (o) => change.confirmOrder(o, Date.now()),
        (order) => orderActivities.confirmOrder({ order, paid: attempt.paid }),
      );
      await condition(() => cancellation.requested !== undefined);
      return cancel(desk, undo, cancellation);
    case 'declined':
    case 'unavailable':
      return reject(desk, undo, cancellation, attempt);
  }
}

/** Stores the order and takes its stock. Where it cannot be begun that is its end, stored by the same transaction. */
async function reserve(
  { placedBy }: OrderInput,
  desk: OrderState,
  undo: Compensations,
  cancellation: CancellationRequests,
): Promise<'reserved' | 'rejected' | 'resumed' | 'reservation_released'> {
  const { order } = desk;
  undo.add('release the stock', async () => {
    await desk.persist('release the stock', () =>
      orderActivities.releaseStock({ orderId: order.id, atMs: Date.now() }),
    );
  });
  const opened = await desk.persist('reserve the stock', () =>
    orderActivities.createOrder({ order, reserve: cancellation.requested === undefined, placedBy }),
  );
  if (opened.outcome === 'out_of_stock' || opened.outcome === 'customer_erased') {
    const isErased = opened.outcome === 'customer_erased';
    cancellation.close(`The order was rejected: ${isErased ? 'its customer was erased' : 'out of stock'}`);
    const rejection = isErased
      ? change.CUSTOMER_ERASED_REJECTION
      : change.outOfStockRejection(opened.shortages);
    desk.syncFromStore(change.rejectNewOrder(order, rejection));
    return 'rejected';
  }
  if (opened.order === undefined) return 'reserved';
  // A run that was reset or restarted takes the order up where the run before left it.
  desk.syncFromStore(opened.order, order);
  if (opened.order.cancellation !== null) cancellation.resume(opened.order.cancellation);
  return opened.hasReservation === false ? 'reservation_released' : 'resumed';
}

/** Tries to take the money until it is taken, refused, too late, or not wanted any more. */
async function pay(
  input: OrderInput,
  desk: OrderState,
  undo: Compensations,
  cancellation: CancellationRequests,
): Promise<PaymentResult | undefined> {
  const { policy, paymentMethod } = input;
  const request = firstAttempt(input);
  undo.add(REVERSE_PAYMENT, () => reversePayment(input, desk));
  const inFlight = new CancellationScope();
  cancellation.onRequest(() => inFlight.cancel());
  try {
    const attempt = await inFlight.run(() =>
      paymentActivities(input, 'capture the payment', policy.paymentDeadlineMs).capturePayment({
        ...request,
        paymentMethod,
      }),
    );
    if (attempt.outcome === 'declined') undo.remove(REVERSE_PAYMENT);
    return attempt;
  } catch (error) {
    if (cancellation.requested !== undefined && isCancellation(error)) return undefined;
    if (error instanceof ActivityFailure) return { outcome: 'unavailable', attempt: request.attempt };
    throw error;
  }
}

const REVERSE_PAYMENT = 'reverse the payment';

const firstAttempt = ({ order }: OrderInput): PaymentAttempt => ({
  orderId: order.id,
  attempt: 1,
  amountMinor: order.totalMinor,
  currency: order.currency,
});

const paymentActivities = ({ queues, policy }: OrderInput, summary: string, deadlineMs: number) =>
  proxyActivities<PaymentActivities>({
    summary,
    taskQueue: queues.payments,
    startToCloseTimeout: policy.paymentAttemptTimeoutMs,
    // A worker that was killed in the middle of a payment must not keep the customer waiting for all of it.
    heartbeatTimeout: '10s',
    scheduleToCloseTimeout: deadlineMs,
    retry: { initialInterval: policy.retryInitialMs, maximumInterval: policy.retryMaxMs },
    // A payment in flight is awaited, then undone; one between two attempts ends at once.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });

/** Voids or refunds in rounds, for as long as it takes. After the first the order says that it needs attention. */
async function reversePayment(input: OrderInput, desk: OrderState): Promise<void> {
  const { policy } = input;
  let pauseMs = policy.retryInitialMs;
  let roundMs = policy.attentionAfterMs;
  for (;;) {
    const startedMs = Date.now();
    try {
      const reversal = await paymentActivities(input, REVERSE_PAYMENT, roundMs).reversePayment(
        firstAttempt(input),
      );
      if (desk.order.attention !== null) await desk.setAttention(REVERSE_PAYMENT, null);
      if (reversal.outcome === 'nothing_to_reverse') return;
      return await desk.applyChange(
        'record the payment reversal',
        (o) => change.recordPaymentReversal(o, Date.now()),
        (order) => orderActivities.recordPaymentReversal({ order, reversal }),
      );
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      if (desk.order.attention === null) await desk.setAttention(REVERSE_PAYMENT, describeFailure(error));
    }
    // What the provider refuses at once is not asked for more often than what it does not answer: each round is history.
    const restMs = roundMs - (Date.now() - startedMs);
    await sleep(Math.max(pauseMs, restMs), { summary: `next try to ${REVERSE_PAYMENT}` });
    pauseMs = Math.min(2 * pauseMs, policy.retryMaxMs);
    roundMs = policy.undoRoundMs;
  }
}

/** The order was never accepted. */
async function reject(
  desk: OrderState,
  undo: Compensations,
  cancellation: CancellationRequests,
  attempt: Exclude<PaymentResult, { outcome: 'captured' }>,
): Promise<void> {
  const rejection: Rejection =
    attempt.outcome === 'declined'
      ? {
          code: 'payment_declined',
          detail: 'The payment method was declined.',
          declineCode: attempt.declineCode,
        }
      : { code: 'payment_unavailable', detail: 'The payment could not be taken in time.' };
  cancellation.close(`The order is being rejected: ${rejection.code}`);
  await undo.compensate();
  await desk.applyChange(
    'reject the order',
    (o) => change.rejectOrder(o, rejection, Date.now()),
    (order) => orderActivities.rejectOrder({ order, attempt }),
  );
}

/** Somebody wants it undone. `attempt` is a payment that ended after they said so. */
async function cancel(
  desk: OrderState,
  undo: Compensations,
  { requested }: CancellationRequests,
  attempt?: PaymentResult,
): Promise<void> {
  if (requested === undefined) throw new Error('nobody asked for cancellation');
  if (desk.order.status !== 'cancelling') {
    await desk.applyChange(
      'start the cancellation',
      (o) => change.startCancellation(o, requested, Date.now()),
      (order) => orderActivities.startCancellation({ order, cancellation: requested, attempt }),
    );
  }
  await undo.compensate();
  await desk.applyChange(
    'finish the cancellation',
    (o) => change.finishCancellation(o, Date.now()),
    (order) => orderActivities.finishCancellation({ order }),
  );
}
