import { QueryNotRegisteredError, WorkflowNotFoundError } from '@temporalio/client';
import type { ApiContext } from '../../api/http/context';
import { orderNotFound } from '../../api/http/parse-request';
import { serviceUnavailable } from '../../api/http/problems';
import type { OrderContact } from '../../db/customers/contacts';
import { isClosed, type Order } from '../../domain/orders/order';
import { sanitizeText } from '../../domain/orders/order-changes';
import { can } from '../../domain/orders/transitions';
import { type Access, canAccessOrder } from '../../domain/shared/access';
import { AppError } from '../../domain/shared/errors';
import { cancelOrder, getOrder, type OrderInput } from '../../workflows/messages';

export interface OrderWithContact {
  order: Order;
  contact: OrderContact | null;
}

/**
 * One order from the projection. One that was accepted for placement but is not stored yet is as it was placed.
 * @throws Failure `not_found`
 */
export async function findOrder({ store }: ApiContext, id: string): Promise<OrderWithContact> {
  const [stored, contact] = await Promise.all([store.orders.find(id), store.contacts.findByOrder(id)]);
  if (stored !== null) return { order: stored, contact };
  const placed = await store.placements.findByOrder(id);
  if (placed === null) throw orderNotFound();
  return { order: (JSON.parse(placed.input) as OrderInput).order, contact };
}

const QUERY_TIMEOUT_MS = 5_000;

/**
 * One order as its workflow knows it at this moment.
 * @throws Failure `not_found`, `service_unavailable` when no worker answers.
 */
export async function queryOrderWorkflow(ctx: ApiContext, id: string): Promise<OrderWithContact> {
  const found = await findOrder(ctx, id);
  // A closed workflow would have to be replayed to answer; what it stored last is what it would say.
  if (isClosed(found.order.status)) return found;
  try {
    const order = await ctx.temporal.withDeadline(Date.now() + QUERY_TIMEOUT_MS, () =>
      ctx.temporal.workflow.getHandle(id).query(getOrder),
    );
    return { ...found, order };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return found;
    if (error instanceof QueryNotRegisteredError) throw serviceUnavailable(error);
    throw serviceUnavailable(error);
  }
}

/** @throws Failure `not_found` for an order that is not the caller's: it may not be told apart from one that is not there. */
export async function getAuthorizedOrder(
  ctx: ApiContext,
  access: Access,
  id: string,
): Promise<OrderWithContact> {
  const found = await findOrder(ctx, id);
  if (!canAccessOrder(access, found.order)) throw orderNotFound();
  return found;
}

/** The same, without a look at what anybody may reach. */
export async function assertCanAccessOrder(ctx: ApiContext, access: Access, id: string): Promise<void> {
  if (access.scope !== 'all') await getAuthorizedOrder(ctx, access, id);
}

export interface CancellationResult extends OrderWithContact {
  /** Whether the cancellation has come to its end. */
  finished: boolean;
}

const INITIAL_POLL_INTERVAL_MS = 20;
const MAX_POLL_INTERVAL_MS = 250;

/**
 * Asks for the cancellation of an order. Asking twice is asking once.
 * @param waitMs how long to wait for its end.
 * @throws Failure `not_found`, `not_cancellable` with the reason, `service_unavailable`.
 */
export async function requestCancellation(
  ctx: ApiContext,
  id: string,
  request: { reason?: string | undefined; requestedBy: string },
  waitMs: number,
): Promise<CancellationResult> {
  const before = await findOrder(ctx, id);
  if (isCancellationStarted(before.order)) return waitForCancellation(ctx, id, before, waitMs);
  assertCancellable(before.order);
  // Here as well as in the workflow: what is signalled stays in its history.
  const reason = sanitizeText(request.reason);
  try {
    await ctx.temporal.withDeadline(Date.now() + QUERY_TIMEOUT_MS, () =>
      ctx.temporal.workflow.getHandle(id).signal(cancelOrder, {
        requestedBy: request.requestedBy,
        ...(reason === null ? {} : { reason }),
      }),
    );
  } catch (error) {
    // The order may have ended between the look and the signal: then it says so itself.
    const now = await findOrder(ctx, id);
    if (isCancellationStarted(now.order)) return waitForCancellation(ctx, id, now, waitMs);
    assertCancellable(now.order);
    throw serviceUnavailable(error);
  }
  return waitForCancellation(ctx, id, before, waitMs);
}

const isCancellationStarted = ({ status }: Order): boolean =>
  status === 'cancelling' || status === 'cancelled';

function assertCancellable(order: Order): void {
  const permission = can(order, 'cancel');
  if (permission.allowed) return;
  throw new AppError('not_cancellable', `${permission.reason}.`, { reason: permission.code });
}

/** The end of a cancellation is seen in the projection: one indexed look each time, ever more slowly. */
async function waitForCancellation(
  ctx: ApiContext,
  id: string,
  first: OrderWithContact,
  waitMs: number,
): Promise<CancellationResult> {
  const untilMs = Date.now() + waitMs;
  let found = first;
  for (let pauseMs = INITIAL_POLL_INTERVAL_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_POLL_INTERVAL_MS)) {
    if (isClosed(found.order.status)) {
      if (found.order.status !== 'cancelled') assertCancellable(found.order);
      return { ...found, finished: true };
    }
    if (Date.now() + pauseMs > untilMs || ctx.shutdownSignal.aborted) return { ...found, finished: false };
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    found = await findOrder(ctx, id);
  }
}
