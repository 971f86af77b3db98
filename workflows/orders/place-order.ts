import { ActivityFailure, CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { FailedPayment, PaymentResult } from '../../activities/payments';
import { isDecided, type Rejection } from '../../domain/orders/order';
import * as orderChanges from '../../domain/orders/order-changes';
import { Compensations } from '../shared/compensations';
import { startCancellation } from './cancel-order';
import type { Inbox } from './inbox';
import { type OrderState, orderActivities } from './order-state';
import { ATTEMPT, paymentActivities, REVERSE_PAYMENT, releaseStock, reversePayment } from './reversals';

/**
 * Decides a placement: reserves the stock, captures the payment, then confirms or rejects the order. Resumes an order
 * that an earlier run has stored. A cancellation that arrives meanwhile remains in the inbox.
 */
export async function placeOrder(state: OrderState, inbox: Inbox): Promise<void> {
  const compensations = new Compensations();
  const hasReservation = await reserve(state, inbox, compensations);
  if (isDecided(state.order.status)) return;
  if (inbox.find('cancel') !== undefined) return;
  // An earlier run was rejecting the order. Without its reservation it must not be paid.
  const payment = hasReservation ? await pay(state, inbox, compensations) : UNAVAILABLE;
  const isCancelled = inbox.find('cancel') !== undefined;
  switch (payment.outcome) {
    case 'confirmed':
      if (state.order.status === 'placed')
        state.adopt({ ...orderChanges.confirmOrder(state.order, payment.atMs), payment: payment.payment });
      return;
    case 'captured':
      if (isCancelled) return;
      return state.applyChange(
        'confirm the order',
        (o) => orderChanges.confirmOrder(o, Date.now()),
        (order) => orderActivities.confirmOrder({ order, paid: payment.paid }),
      );
    default:
      if (isCancelled) return;
      return reject(state, inbox, compensations, payment);
  }
}

const UNAVAILABLE: FailedPayment = { outcome: 'unavailable', attempt: ATTEMPT };

/**
 * Stores the order and reserves its stock. A shortage or an erased customer rejects it in the same transaction.
 * @returns whether the order has its reservation.
 */
async function reserve(state: OrderState, inbox: Inbox, compensations: Compensations): Promise<boolean> {
  const { order, placedBy } = state.input;
  compensations.add('release the stock', () => releaseStock(state));
  const created = await state.persist('reserve the stock', () =>
    orderActivities.createOrder({ order, reserve: inbox.find('cancel') === undefined, placedBy }),
  );
  switch (created.outcome) {
    case 'created':
      return true;
    case 'rejected':
      inbox.close(`The order was rejected: ${created.rejection.code}`);
      state.adopt(orderChanges.rejectNewOrder(order, created.rejection));
      return false;
    case 'exists':
      // The earlier run may have a payment in flight; a reversal checks the provider.
      state.hasPaymentAttempt = true;
      compensations.add(REVERSE_PAYMENT, () => reversePayment(state));
      state.adopt(created.order);
      return created.hasReservation;
  }
}

/** Attempts the payment until it is captured or declined, its deadline passes, or a cancellation stops it. */
async function pay(state: OrderState, inbox: Inbox, compensations: Compensations): Promise<PaymentResult> {
  const { order, input } = state;
  state.hasPaymentAttempt = true;
  compensations.add(REVERSE_PAYMENT, () => reversePayment(state));
  const inFlight = new CancellationScope();
  const payment = inFlight
    .run(() =>
      paymentActivities(input, 'capture the payment', input.policy.paymentDeadlineMs).capturePayment({
        order,
        attempt: ATTEMPT,
        paymentMethod: input.paymentMethod,
      }),
    )
    .catch((error: unknown): PaymentResult => {
      if (error instanceof ActivityFailure || isCancellation(error)) return UNAVAILABLE;
      throw error;
    });

  await Promise.race([payment, condition(() => inbox.find('cancel') !== undefined)]);
  const cancellation = inbox.find('cancel');
  // Stored while the payment is in flight, the cancellation prevents the confirmation, unless that was first.
  if (cancellation !== undefined && (await startCancellation(state, cancellation.request))) inFlight.cancel();
  const result = await payment;
  if (result.outcome === 'declined') compensations.remove(REVERSE_PAYMENT);
  return result;
}

/** Closes an order that was never accepted. */
async function reject(
  state: OrderState,
  inbox: Inbox,
  compensations: Compensations,
  payment: FailedPayment,
): Promise<void> {
  const rejection: Rejection =
    payment.outcome === 'declined'
      ? {
          code: 'payment_declined',
          detail: 'The payment method was declined.',
          declineCode: payment.declineCode,
        }
      : { code: 'payment_unavailable', detail: 'The payment could not be completed in time.' };
  inbox.close(`The order is being rejected: ${rejection.code}`);
  await compensations.compensate();
  await state.applyChange(
    'reject the order',
    (o) => orderChanges.rejectOrder(o, rejection, Date.now()),
    (order) => orderActivities.rejectOrder({ order, payment }),
  );
}
