import type { Cancellation } from '../../domain/orders/order';
import * as orderChanges from '../../domain/orders/order-changes';
import type { Command } from './messages';
import { type OrderState, orderActivities } from './order-state';
import { releaseStock, reversePayment } from './reversals';

/** Cancels the order: records the start, reverses everything that the order has reserved and paid, records the end. */
export async function cancelOrder(state: OrderState, { request }: Command): Promise<void> {
  if (state.order.status !== 'cancelling' && !(await startCancellation(state, request)))
    throw state.createStaleRunFailure();
  // In parallel: an unavailable payment provider must not delay the release of stock.
  await Promise.all([releaseStock(state), reversePayment(state)]);
  await state.applyChange(
    'finish the cancellation',
    (o) => orderChanges.finishCancellation(o, Date.now()),
    (order) => orderActivities.finishCancellation({ order }),
  );
}

/** @returns false if the stored order is ahead. */
export const startCancellation = (state: OrderState, cancellation: Cancellation): Promise<boolean> =>
  state.tryChange(
    'start the cancellation',
    (o) => orderChanges.startCancellation(o, cancellation, Date.now()),
    (order) => orderActivities.startCancellation({ order, cancellation }),
  );
