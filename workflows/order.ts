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
import type { PaymentAttempt, PaymentUndo } from '../activities/orders';
import type { PaymentActivities, PaymentTry } from '../activities/payments';
import { isClosed, type Rejection } from '../domain/order';
import * as change from '../domain/order-changes';
import type { OrderPolicy } from '../domain/policy';
import { CancellationRequests } from './cancellation';
import { getOrder, type OrderInput, placement } from './messages';
import { AlreadyClosed, causeOf, OrderDesk, steps } from './order-desk';
import { createUndo, type Undo } from './undo';

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
    try {
      await run(input, desk, cancellation);
    } catch (error) {
      if (!(error instanceof AlreadyClosed)) throw error;
    }
    await cancellation.recorded();
    await condition(allHandlersFinished);
    return { status: desk.order.status };
  });
}

async function run(input: OrderInput, desk: OrderDesk, cancellation: CancellationRequests): Promise<void> {
  const undo = createUndo();

  if ((await reserve(desk, undo, cancellation)) === 'out_of_stock') return;

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

/** Stores the order and takes its stock. Out of stock is its end, stored by the same transaction. */
async function reserve(
  desk: OrderDesk,
  undo: Undo,
  cancellation: CancellationRequests,
): Promise<'reserved' | 'out_of_stock'> {
  const { order } = desk;
  undo.add('release the stock', async () => {
    await desk.persist('release the stock', () =>
      steps.releaseStock({ orderId: order.id, atMs: Date.now() }),
    );
  });
  const opened = await desk.persist('reserve the stock', () =>
    steps.openOrder({ order, reserve: cancellation.requested === undefined }),
  );
  if (opened.outcome === 'out_of_stock') {
    cancellation.close('The order was rejected: out of stock');
    desk.adopt(change.rejectOrder(order, change.outOfStock(opened.shortages), 'none', order.updatedAtMs));
    return 'out_of_stock';
  }
  // A run that was reset finds the order of the run before it.
  if (opened.order !== undefined && isClosed(opened.order.status)) desk.adopt(opened.order, order);
  return 'reserved';
}

/** Tries to take the money until it is taken, refused, too late, or not wanted any more. */
async function pay(
  { order, paymentMethod, queues, policy }: OrderInput,
  desk: OrderDesk,
  undo: Undo,
  cancellation: CancellationRequests,
): Promise<PaymentAttempt | undefined> {
  const { id: orderId, totalMinor: amountMinor, currency } = order;
  const request: PaymentTry = { orderId, attempt: 1, amountMinor, currency };
  const provider = (summary: string, deadlineMs: number) =>
    proxyActivities<PaymentActivities>({
      summary,
      taskQueue: queues.payments,
      startToCloseTimeout: policy.paymentAttemptTimeoutMs,
      scheduleToCloseTimeout: deadlineMs,
      retry: { initialInterval: policy.retryInitialMs, maximumInterval: policy.retryMaxMs },
      // A payment in flight is awaited, then undone; one between two attempts ends at once.
      cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    });

  undo.add('give back the payment', () =>
    giveBackPayment(desk, policy, (roundMs) =>
      provider('give back the payment', roundMs).undoPayment(request),
    ),
  );
  const inFlight = new CancellationScope();
  cancellation.onRequest(() => inFlight.cancel());
  try {
    const attempt = await inFlight.run(() =>
      provider('take the payment', policy.paymentDeadlineMs).takePayment({ ...request, paymentMethod }),
    );
    if (attempt.outcome === 'declined') undo.forget('give back the payment');
    return attempt;
  } catch (error) {
    if (cancellation.requested !== undefined && isCancellation(error)) return undefined;
    if (error instanceof ActivityFailure) return { outcome: 'unavailable', attempt: request.attempt };
    throw error;
  }
}

/** Voids or refunds in rounds, for as long as it takes. After the first the order says that it needs attention. */
async function giveBackPayment(
  desk: OrderDesk,
  policy: OrderPolicy,
  round: (roundMs: number) => Promise<PaymentUndo>,
): Promise<void> {
  const step = 'give back the payment';
  let pauseMs = policy.retryInitialMs;
  let roundMs = policy.attentionAfterMs;
  for (;;) {
    try {
      const undo = await round(roundMs);
      if (desk.order.attention !== null) await desk.setAttention(step, null);
      if (undo.outcome === 'nothing') return;
      return await desk.record(
        'record the undone payment',
        (o) => change.undoPayment(o, undo.outcome, Date.now()),
        (order) => steps.recordPaymentUndo({ order, undo }),
      );
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      if (desk.order.attention === null) await desk.setAttention(step, causeOf(error));
    }
    await sleep(pauseMs, { summary: `next try to ${step}` });
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
  await desk.record(
    'begin the cancellation',
    (o) => {
      const paid = attempt?.outcome === 'captured' || o.payment === 'paid';
      const payment = paid ? 'refund_pending' : attempt?.outcome === 'declined' ? 'failed' : o.payment;
      return change.beginCancellation(o, requested, payment, Date.now());
    },
    (order) => steps.beginCancellation({ order, cancellation: requested, attempt }),
  );
  await undo.all();
  await desk.record(
    'finish the cancellation',
    (o) => change.finishCancellation(o, Date.now()),
    (order) => steps.finishCancellation({ order }),
  );
}
