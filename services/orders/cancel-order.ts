import type { Client } from '@temporalio/client';
import { isClosed, type Order } from '../../domain/orders/order';
import { sanitizeText } from '../../domain/orders/order-changes';
import { can } from '../../domain/orders/transitions';
import { AppError, serviceUnavailable } from '../../domain/shared/errors';
import { cancelOrder } from '../../workflows/orders/messages';
import { findOrder, type OrderReader, type OrderWithContact } from './find-order';

export interface CancellationDependencies extends OrderReader {
  temporal: Client;
  /** Aborted when waiting requests must be answered because the process stops. */
  shutdownSignal: AbortSignal;
}

export interface CancellationResult extends OrderWithContact {
  /** Whether the cancellation is complete. */
  finished: boolean;
}

const SIGNAL_TIMEOUT_MS = 5_000;

/**
 * Requests the cancellation of an order. Idempotent.
 * @param waitMs how long to wait for its completion.
 * @throws AppError `not_found`, `not_cancellable` with the reason, `service_unavailable`.
 */
export async function requestCancellation(
  deps: CancellationDependencies,
  id: string,
  request: { reason?: string | undefined; requestedBy: string },
  waitMs: number,
): Promise<CancellationResult> {
  const before = await findOrder(deps, id);
  if (isCancellationStarted(before.order)) return waitForCancellation(deps, id, before, waitMs);
  assertCancellable(before.order);
  // The workflow sanitizes it as well, but the signal itself stays in the workflow's history.
  const reason = sanitizeText(request.reason);
  try {
    await deps.temporal.withDeadline(Date.now() + SIGNAL_TIMEOUT_MS, () =>
      deps.temporal.workflow.getHandle(id).signal(cancelOrder, {
        requestedBy: request.requestedBy,
        ...(reason === null ? {} : { reason }),
      }),
    );
  } catch (error) {
    // The order may have closed between the read and the signal: its status decides.
    const current = await findOrder(deps, id);
    if (isCancellationStarted(current.order)) return waitForCancellation(deps, id, current, waitMs);
    assertCancellable(current.order);
    throw serviceUnavailable(error);
  }
  return waitForCancellation(deps, id, before, waitMs);
}

const isCancellationStarted = ({ status }: Order): boolean =>
  status === 'cancelling' || status === 'cancelled';

function assertCancellable(order: Order): void {
  const permission = can(order, 'cancel');
  if (permission.allowed) return;
  throw new AppError('not_cancellable', `${permission.reason}.`, { reason: permission.code });
}

const INITIAL_POLL_INTERVAL_MS = 20;
const MAX_POLL_INTERVAL_MS = 250;

/** Polls the projection with growing intervals: one indexed read each time. */
async function waitForCancellation(
  deps: CancellationDependencies,
  id: string,
  first: OrderWithContact,
  waitMs: number,
): Promise<CancellationResult> {
  const deadlineMs = Date.now() + waitMs;
  let current = first;
  for (let pauseMs = INITIAL_POLL_INTERVAL_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_POLL_INTERVAL_MS)) {
    if (isClosed(current.order.status)) {
      if (current.order.status !== 'cancelled') assertCancellable(current.order);
      return { ...current, finished: true };
    }
    if (Date.now() + pauseMs > deadlineMs || deps.shutdownSignal.aborted)
      return { ...current, finished: false };
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    current = await findOrder(deps, id);
  }
}
