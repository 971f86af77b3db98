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
import * as orderChanges from '../../domain/orders/order-changes';
import { type Compensations, createCompensations } from '../shared/compensations';
import { CancellationRequests } from './cancellation';
import { getOrder, type OrderInput, placement } from './messages';
import { describeFailure, OrderClosedError, OrderState, orderActivities, StaleRunError } from './order-state';

/**
 * One order from placement to close: reserve, pay, confirm, then wait for a cancellation.
 * An order that closes as `rejected` or `cancelled` is fully compensated.
 */
export async function order(input: OrderInput): Promise<{ status: string }> {
  const state = new OrderState(input.order, input.policy);
  const cancellation = new CancellationRequests(state);
  setHandler(getOrder, () => state.order);
  setHandler(placement, () =>
    CancellationScope.nonCancellable(async () => {
      await condition(() => state.decision !== undefined);
      return state.decision ?? state.order;
    }),
  );

  // Temporal's own cancel is handled as a request to cancel the order: it interrupts no step.
  return CancellationScope.nonCancellable(async () => {
    await runToCompletion(input, state, cancellation);
    await cancellation.flushRejectedRequests();
    await condition(allHandlersFinished);
    return { status: state.order.status };
  });
}

/** Runs the order, and resumes it from the store if a run before a reset recorded later steps than this run knows. */
async function runToCompletion(
  input: OrderInput,
  state: OrderState,
  cancellation: CancellationRequests,
): Promise<void> {
  for (;;) {
    try {
      return await runOnce(input, state, cancellation);
    } catch (error) {
      if (error instanceof OrderClosedError) return;
      if (!(error instanceof StaleRunError)) throw error;
      cancellation.acceptRequests();
    }
  }
}

async function runOnce(
  input: OrderInput,
  state: OrderState,
  cancellation: CancellationRequests,
): Promise<void> {
  const compensations = createCompensations();

  const reservation = await reserve(input, state, compensations, cancellation);
  switch (reservation) {
    case 'rejected':
      return;
    case 'reserved':
      break;
    case 'resumed':
    case 'reservation_released':
      // An earlier run may have a payment in flight; the reversal checks the provider.
      compensations.add(REVERSE_PAYMENT, () => reversePayment(input, state));
      if (state.order.status !== 'placed') {
        await condition(() => cancellation.requested !== undefined);
        return cancel(state, compensations, cancellation);
      }
      // An earlier run was rejecting the order. Without its reservation it must not be paid.
      if (reservation === 'reservation_released' && cancellation.requested === undefined) {
        return reject(state, compensations, cancellation, {
          outcome: 'unavailable',
          attempt: firstAttempt(input).attempt,
        });
      }
  }

  const payment =
    cancellation.requested === undefined ? await pay(input, state, compensations, cancellation) : undefined;

  if (cancellation.requested !== undefined) return cancel(state, compensations, cancellation, payment);
  switch (payment?.outcome) {
    case 'captured':
      await state.applyChange(
        'confirm the order',
        (o) => orderChanges.confirmOrder(o, Date.now()),
        (order) => orderActivities.confirmOrder({ order, paid: payment.paid }),
      );
      await condition(() => cancellation.requested !== undefined);
      return cancel(state, compensations, cancellation);
    case 'declined':
    case 'unavailable':
      return reject(state, compensations, cancellation, payment);
  }
}

/** Stores the order and reserves its stock. A shortage or an erased customer rejects it in the same transaction. */
async function reserve(
  { placedBy }: OrderInput,
  state: OrderState,
  compensations: Compensations,
  cancellation: CancellationRequests,
): Promise<'reserved' | 'rejected' | 'resumed' | 'reservation_released'> {
  const { order } = state;
  compensations.add('release the stock', async () => {
    await state.persist('release the stock', () =>
      orderActivities.releaseStock({ orderId: order.id, atMs: Date.now() }),
    );
  });
  const created = await state.persist('reserve the stock', () =>
    orderActivities.createOrder({ order, reserve: cancellation.requested === undefined, placedBy }),
  );
  if (created.outcome === 'out_of_stock' || created.outcome === 'customer_erased') {
    const isErased = created.outcome === 'customer_erased';
    cancellation.rejectRequests(
      `The order was rejected: ${isErased ? 'the customer was erased' : 'out of stock'}`,
    );
    const rejection = isErased
      ? orderChanges.CUSTOMER_ERASED_REJECTION
      : orderChanges.outOfStockRejection(created.shortages);
    state.syncFromStore(orderChanges.rejectNewOrder(order, rejection));
    return 'rejected';
  }
  if (created.order === undefined) return 'reserved';
  // A reset or restarted workflow resumes where the earlier run stopped.
  state.syncFromStore(created.order, order);
  if (created.order.cancellation !== null) cancellation.resume(created.order.cancellation);
  return created.hasReservation === false ? 'reservation_released' : 'resumed';
}

/** Attempts the payment until it is captured or declined, the deadline passes, or a cancellation stops it. */
async function pay(
  input: OrderInput,
  state: OrderState,
  compensations: Compensations,
  cancellation: CancellationRequests,
): Promise<PaymentResult | undefined> {
  const { policy, paymentMethod } = input;
  const request = firstAttempt(input);
  compensations.add(REVERSE_PAYMENT, () => reversePayment(input, state));
  const inFlight = new CancellationScope();
  cancellation.setRequestListener(() => inFlight.cancel());
  try {
    const payment = await inFlight.run(() =>
      paymentActivities(input, 'capture the payment', policy.paymentDeadlineMs).capturePayment({
        ...request,
        paymentMethod,
      }),
    );
    if (payment.outcome === 'declined') compensations.remove(REVERSE_PAYMENT);
    return payment;
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
    // Detects a killed worker before the attempt times out.
    heartbeatTimeout: '10s',
    scheduleToCloseTimeout: deadlineMs,
    retry: { initialInterval: policy.retryInitialMs, maximumInterval: policy.retryMaxMs },
    // A payment in flight is awaited, then reversed; a pending retry is cancelled at once.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });

/** Voids or refunds in rounds until it succeeds. After the first failed round the order requires attention. */
async function reversePayment(input: OrderInput, state: OrderState): Promise<void> {
  const { policy } = input;
  let pauseMs = policy.retryInitialMs;
  let roundMs = policy.attentionAfterMs;
  for (;;) {
    const startedMs = Date.now();
    try {
      const reversal = await paymentActivities(input, REVERSE_PAYMENT, roundMs).reversePayment(
        firstAttempt(input),
      );
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
    pauseMs = Math.min(2 * pauseMs, policy.retryMaxMs);
    roundMs = policy.compensationRoundMs;
  }
}

/** Closes an order that was never accepted. */
async function reject(
  state: OrderState,
  compensations: Compensations,
  cancellation: CancellationRequests,
  payment: Exclude<PaymentResult, { outcome: 'captured' }>,
): Promise<void> {
  const rejection: Rejection =
    payment.outcome === 'declined'
      ? {
          code: 'payment_declined',
          detail: 'The payment method was declined.',
          declineCode: payment.declineCode,
        }
      : { code: 'payment_unavailable', detail: 'The payment could not be completed in time.' };
  cancellation.rejectRequests(`The order is being rejected: ${rejection.code}`);
  await compensations.compensate();
  await state.applyChange(
    'reject the order',
    (o) => orderChanges.rejectOrder(o, rejection, Date.now()),
    (order) => orderActivities.rejectOrder({ order, payment }),
  );
}

/** @param payment the result of a payment that was in flight when cancellation was requested. */
async function cancel(
  state: OrderState,
  compensations: Compensations,
  { requested }: CancellationRequests,
  payment?: PaymentResult,
): Promise<void> {
  if (requested === undefined) throw new Error('no cancellation was requested');
  if (state.order.status !== 'cancelling') {
    await state.applyChange(
      'start the cancellation',
      (o) => orderChanges.startCancellation(o, requested, Date.now()),
      (order) => orderActivities.startCancellation({ order, cancellation: requested, payment }),
    );
  }
  await compensations.compensate();
  await state.applyChange(
    'finish the cancellation',
    (o) => orderChanges.finishCancellation(o, Date.now()),
    (order) => orderActivities.finishCancellation({ order }),
  );
}
