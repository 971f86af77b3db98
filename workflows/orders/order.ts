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
import type { PaymentAttempt } from '../../activities/orders';
import type { PaymentActivities, PaymentTry } from '../../activities/payments';
import type { Rejection } from '../../domain/orders/order';
import * as change from '../../domain/orders/order-changes';
import { getOrder, type OrderInput, placement } from '../messages';
import { createUndo, type Undo } from '../shared/compensations';
import { CancellationRequests } from './cancellation';
import { AlreadyClosed, MovedOn, OrderDesk, steps, tellableCause } from './order-desk';

/**
 * One order, from its placement to its end: reserve, pay, confirm; then it rests until somebody cancels it.
 * Whatever it did is undone if it ends in `rejected` or `cancelled`.
 */
export async function order(input: OrderInput): Promise<{ status: string }> {
  const desk = new OrderDesk(input.order, input.policy);
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
    await untilItsEnd(input, desk, cancellation);
    await cancellation.recorded();
    await condition(allHandlersFinished);
    return { status: desk.order.status };
  });
}

/** Runs it, and takes it up anew where a run that was reset has brought it further than this one knows. */
async function untilItsEnd(
  input: OrderInput,
  desk: OrderDesk,
  cancellation: CancellationRequests,
): Promise<void> {
  for (;;) {
    try {
      return await run(input, desk, cancellation);
    } catch (error) {
      if (error instanceof AlreadyClosed) return;
      if (!(error instanceof MovedOn)) throw error;
      cancellation.reopen();
    }
  }
}

async function run(input: OrderInput, desk: OrderDesk, cancellation: CancellationRequests): Promise<void> {
  const undo = createUndo();

  const opened = await reserve(input, desk, undo, cancellation);
  if (opened === 'rejected') return;
  if (opened !== 'reserved') {
    // The run before this one may have paid, or may still be about to: the undo knows.
    undo.add(GIVE_BACK, () => giveBackPayment(input, desk));
    if (desk.order.status !== 'placed') {
      await condition(() => cancellation.requested !== undefined);
      return cancel(desk, undo, cancellation);
    }
    // It was giving the order up. Without its stock the order must not be paid.
    if (opened === 'without_stock' && cancellation.requested === undefined) {
      return reject(desk, undo, cancellation, { outcome: 'unavailable', attempt: firstTry(input).attempt });
    }
  }

  const attempt =
    cancellation.requested === undefined ? await pay(input, desk, undo, cancellation) : undefined;

  if (cancellation.requested !== undefined) return cancel(desk, undo, cancellation, attempt);
  switch (attempt?.outcome) {
    case 'captured':
      await desk.record(
        'confirm the order',
        (o) => change.confirmOrder(o, 'paid', Date.now()),
        (order) => steps.confirmOrder({ order, paid: attempt.paid }),
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
  desk: OrderDesk,
  undo: Undo,
  cancellation: CancellationRequests,
): Promise<'reserved' | 'rejected' | 'taken_up' | 'without_stock'> {
  const { order } = desk;
  undo.add('release the stock', async () => {
    await desk.persist('release the stock', () =>
      steps.releaseStock({ orderId: order.id, atMs: Date.now() }),
    );
  });
  const opened = await desk.persist('reserve the stock', () =>
    steps.openOrder({ order, reserve: cancellation.requested === undefined, placedBy }),
  );
  if (opened.outcome === 'out_of_stock' || opened.outcome === 'customer_erased') {
    const isErased = opened.outcome === 'customer_erased';
    cancellation.close(`The order was rejected: ${isErased ? 'its customer was erased' : 'out of stock'}`);
    const rejection = isErased ? change.CUSTOMER_ERASED : change.outOfStock(opened.shortages);
    desk.adopt(change.rejectOrder(order, rejection, 'none', order.updatedAtMs));
    return 'rejected';
  }
  if (opened.order === undefined) return 'reserved';
  // A run that was reset or restarted takes the order up where the run before left it.
  desk.adopt(opened.order, order);
  if (opened.order.cancellation !== null) cancellation.resume(opened.order.cancellation);
  return opened.holdsStock === false ? 'without_stock' : 'taken_up';
}

/** Tries to take the money until it is taken, refused, too late, or not wanted any more. */
async function pay(
  input: OrderInput,
  desk: OrderDesk,
  undo: Undo,
  cancellation: CancellationRequests,
): Promise<PaymentAttempt | undefined> {
  const { policy, paymentMethod } = input;
  const request = firstTry(input);
  undo.add(GIVE_BACK, () => giveBackPayment(input, desk));
  const inFlight = new CancellationScope();
  cancellation.onRequest(() => inFlight.cancel());
  try {
    const attempt = await inFlight.run(() =>
      provider(input, 'take the payment', policy.paymentDeadlineMs).takePayment({
        ...request,
        paymentMethod,
      }),
    );
    if (attempt.outcome === 'declined') undo.forget(GIVE_BACK);
    return attempt;
  } catch (error) {
    if (cancellation.requested !== undefined && isCancellation(error)) return undefined;
    if (error instanceof ActivityFailure) return { outcome: 'unavailable', attempt: request.attempt };
    throw error;
  }
}

const GIVE_BACK = 'give back the payment';

const firstTry = ({ order }: OrderInput): PaymentTry => ({
  orderId: order.id,
  attempt: 1,
  amountMinor: order.totalMinor,
  currency: order.currency,
});

const provider = ({ queues, policy }: OrderInput, summary: string, deadlineMs: number) =>
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
async function giveBackPayment(input: OrderInput, desk: OrderDesk): Promise<void> {
  const { policy } = input;
  let pauseMs = policy.retryInitialMs;
  let roundMs = policy.attentionAfterMs;
  for (;;) {
    const startedMs = Date.now();
    try {
      const undo = await provider(input, GIVE_BACK, roundMs).undoPayment(firstTry(input));
      if (desk.order.attention !== null) await desk.setAttention(GIVE_BACK, null);
      if (undo.outcome === 'nothing') return;
      return await desk.record(
        'record the undone payment',
        (o) => change.undoPayment(o, undo.outcome, Date.now()),
        (order) => steps.recordPaymentUndo({ order, undo }),
      );
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      if (desk.order.attention === null) await desk.setAttention(GIVE_BACK, tellableCause(error));
    }
    // What the provider refuses at once is not asked for more often than what it does not answer: each round is history.
    const restMs = roundMs - (Date.now() - startedMs);
    await sleep(Math.max(pauseMs, restMs), { summary: `next try to ${GIVE_BACK}` });
    pauseMs = Math.min(2 * pauseMs, policy.retryMaxMs);
    roundMs = policy.undoRoundMs;
  }
}

/** The order was never accepted. */
async function reject(
  desk: OrderDesk,
  undo: Undo,
  cancellation: CancellationRequests,
  attempt: Exclude<PaymentAttempt, { outcome: 'captured' }>,
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
  await undo.all();
  await desk.record(
    'reject the order',
    (o) => change.rejectOrder(o, rejection, o.payment === 'refunded' ? 'refunded' : 'failed', Date.now()),
    (order) => steps.rejectOrder({ order, attempt }),
  );
}

/** Somebody wants it undone. `attempt` is a payment that ended after they said so. */
async function cancel(
  desk: OrderDesk,
  undo: Undo,
  { requested }: CancellationRequests,
  attempt?: PaymentAttempt,
): Promise<void> {
  if (requested === undefined) throw new Error('nobody asked for cancellation');
  if (desk.order.status !== 'cancelling') {
    await desk.record(
      'begin the cancellation',
      (o) => {
        const paid = attempt?.outcome === 'captured' || o.payment === 'paid';
        const payment = paid ? 'refund_pending' : attempt?.outcome === 'declined' ? 'failed' : o.payment;
        return change.beginCancellation(o, requested, payment, Date.now());
      },
      (order) => steps.beginCancellation({ order, cancellation: requested, attempt }),
    );
  }
  await undo.all();
  await desk.record(
    'finish the cancellation',
    (o) => change.finishCancellation(o, Date.now()),
    (order) => steps.finishCancellation({ order }),
  );
}
