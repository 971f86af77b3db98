import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Store } from '../../db/core/store';
import type { OrderContact } from '../../db/customers/contacts';
import { isClosed, type Order } from '../../domain/orders/order';
import { type Access, canAccessOrder } from '../../domain/shared/access';
import { AppError, serviceUnavailable } from '../../domain/shared/errors';
import { getOrder, type OrderInput } from '../../workflows/orders/messages';

export interface OrderReader {
  store: Pick<Store, 'orders' | 'contacts' | 'placements'>;
}

export interface OrderWithContact {
  order: Order;
  contact: OrderContact | null;
}

export const orderNotFound = (): AppError => new AppError('not_found', 'This order does not exist.');

/**
 * Reads one order from the projection. An accepted order that is not stored yet is returned as it was placed.
 * @throws AppError `not_found`
 */
export async function findOrder({ store }: OrderReader, id: string): Promise<OrderWithContact> {
  const [stored, contact] = await Promise.all([store.orders.find(id), store.contacts.findByOrder(id)]);
  if (stored !== null) return { order: stored, contact };
  const placed = await store.placements.findByOrder(id);
  if (placed === null) throw orderNotFound();
  return { order: (JSON.parse(placed.input) as OrderInput).order, contact };
}

const QUERY_TIMEOUT_MS = 5_000;

/**
 * Reads one order from its workflow.
 * @throws AppError `not_found`, `service_unavailable` when no worker responds.
 */
export async function queryOrderWorkflow(
  { store, temporal }: OrderReader & { temporal: Client },
  id: string,
): Promise<OrderWithContact> {
  const stored = await findOrder({ store }, id);
  // Querying a closed workflow means replaying it; the projection already has its final state.
  if (isClosed(stored.order.status)) return stored;
  try {
    const order = await temporal.withDeadline(Date.now() + QUERY_TIMEOUT_MS, () =>
      temporal.workflow.getHandle(id).query(getOrder),
    );
    // The activity that captures a payment confirms the order before its workflow receives the result.
    return order.version < stored.order.version ? stored : { ...stored, order };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return stored;
    throw serviceUnavailable(error);
  }
}

/** @throws AppError `not_found`, also for an order outside the caller's scope: the response must not reveal that it exists. */
export async function getAuthorizedOrder(
  reader: OrderReader,
  access: Access,
  id: string,
): Promise<OrderWithContact> {
  const stored = await findOrder(reader, id);
  if (!canAccessOrder(access, stored.order)) throw orderNotFound();
  return stored;
}

/** The same check, without a read for callers that can access every order. */
export async function assertCanAccessOrder(reader: OrderReader, access: Access, id: string): Promise<void> {
  if (access.scope !== 'all') await getAuthorizedOrder(reader, access, id);
}
