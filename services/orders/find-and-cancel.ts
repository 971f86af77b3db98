import { QueryNotRegisteredError, WorkflowNotFoundError } from '@temporalio/client';
import type { ApiContext } from '../../api/http/context';
import { unavailable } from '../../api/http/problems';
import { noSuchOrder } from '../../api/http/read';
import type { OrderContact } from '../../db/customers/contacts';
import { isClosed, type Order } from '../../domain/orders/order';
import { cleanText } from '../../domain/orders/order-changes';
import { can } from '../../domain/orders/transitions';
import { type Access, reachesOrder } from '../../domain/shared/access';
import { Failure } from '../../domain/shared/failures';
import { cancelOrder, getOrder, type OrderInput } from '../../workflows/messages';

export interface FoundOrder {
  order: Order;
  contact: OrderContact | null;
}

/**
 * One order from the projection. One that was accepted for placement but is not stored yet is as it was placed.
 * @throws Failure `not_found`
 */
export async function findOrder({ store }: ApiContext, id: string): Promise<FoundOrder> {
  const [stored, contact] = await Promise.all([store.orders.find(id), store.contacts.ofOrder(id)]);
  if (stored !== null) return { order: stored, contact };
  const placed = await store.placements.byOrder(id);
  if (placed === null) throw noSuchOrder();
  return { order: (JSON.parse(placed.input) as OrderInput).order, contact };
}

const QUERY_TIMEOUT_MS = 5_000;

/**
 * One order as its workflow knows it at this moment.
 * @throws Failure `not_found`, `service_unavailable` when no worker answers.
 */
export async function findOrderStrongly(ctx: ApiContext, id: string): Promise<FoundOrder> {
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
    if (error instanceof QueryNotRegisteredError) throw unavailable(error);
    throw unavailable(error);
  }
}

/** @throws Failure `not_found` for an order that is not the caller's: it may not be told apart from one that is not there. */
export async function findWithinReach(ctx: ApiContext, access: Access, id: string): Promise<FoundOrder> {
  const found = await findOrder(ctx, id);
  if (!reachesOrder(access, found.order)) throw noSuchOrder();
  return found;
}

/** The same, without a look at what anybody may reach. */
export async function assertReaches(ctx: ApiContext, access: Access, id: string): Promise<void> {
  if (access.reach !== 'all') await findWithinReach(ctx, access, id);
}

export interface CancelAnswer extends FoundOrder {
  /** Whether the cancellation has come to its end. */
  finished: boolean;
}

const POLL_FIRST_MS = 20;
const POLL_MOST_MS = 250;

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
): Promise<CancelAnswer> {
  const before = await findOrder(ctx, id);
  if (isUnderWay(before.order)) return waitForEnd(ctx, id, before, waitMs);
  refuseUnless(before.order);
  // Here as well as in the workflow: what is signalled stays in its history.
  const reason = cleanText(request.reason);
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
    if (isUnderWay(now.order)) return waitForEnd(ctx, id, now, waitMs);
    refuseUnless(now.order);
    throw unavailable(error);
  }
  return waitForEnd(ctx, id, before, waitMs);
}

const isUnderWay = ({ status }: Order): boolean => status === 'cancelling' || status === 'cancelled';

function refuseUnless(order: Order): void {
  const permission = can(order, 'cancel');
  if (permission.allowed) return;
  throw new Failure('not_cancellable', `${permission.reason}.`, { reason: permission.code });
}

/** The end of a cancellation is seen in the projection: one indexed look each time, ever more slowly. */
async function waitForEnd(
  ctx: ApiContext,
  id: string,
  first: FoundOrder,
  waitMs: number,
): Promise<CancelAnswer> {
  const untilMs = Date.now() + waitMs;
  let found = first;
  for (let pauseMs = POLL_FIRST_MS; ; pauseMs = Math.min(2 * pauseMs, POLL_MOST_MS)) {
    if (isClosed(found.order.status)) {
      if (found.order.status !== 'cancelled') refuseUnless(found.order);
      return { ...found, finished: true };
    }
    if (Date.now() + pauseMs > untilMs || ctx.hurry.aborted) return { ...found, finished: false };
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    found = await findOrder(ctx, id);
  }
}
