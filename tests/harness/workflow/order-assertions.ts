import { select } from '../../../db/core/sql';
import { createStockVerificationReader } from '../../../db/verification/stock-verification-reader';
import { createVerificationReader } from '../../../db/verification/verification-reader';
import { isClosed, type Order } from '../../../domain/orders/order';
import { verify } from '../../../verification/verify';
import { TEST_AUDIT_KEY } from '../servers/databases';
import type { WorkflowTestEnv } from './workflow-test-env';

/** What is left of an order's claims on stock, in units. */
export async function getReservedUnits(lab: WorkflowTestEnv, orderId: string): Promise<number> {
  const [row] = await select<{ units: number | null }>(
    lab.store.db,
    "SELECT SUM(quantity) AS units FROM reservations WHERE order_id = :orderId AND state = 'held'",
    { orderId },
  );
  return Number(row?.units ?? 0);
}

/** Where history, log, ledger, the provider's books, reservations and projection disagree about an order. */
export async function findInconsistencies(lab: WorkflowTestEnv, orderId: string): Promise<string[]> {
  const found: string[] = [];
  await verify(
    {
      store: lab.store,
      reads: createVerificationReader(lab.store.db),
      stockReads: createStockVerificationReader(lab.store.db),
      auditKey: TEST_AUDIT_KEY,
      provider: lab.provider,
      temporal: lab.client,
      taskQueue: lab.queues.orders,
    },
    ({ check, detail }) => found.push(`${check}: ${detail}`),
    [orderId],
  );
  return found;
}

/**
 * Waits for the end of an order that was cancelled or rejected, and checks that nothing of it is left: no stock, no
 * money, nothing to pay later, and no two books that disagree.
 */
export async function expectFullyCompensated(lab: WorkflowTestEnv, id: string): Promise<Order> {
  const result = (await lab.getHandle(id).result()) as { status: string };
  const order = await lab.store.orders.find(id);
  if (order === null) throw new Error(`no order ${id}`);
  expect(order.status).toBe(result.status);
  expect(isClosed(order.status)).toBe(true);
  expect(order.attention).toBeNull();
  expect((await lab.getHandle(id).describe()).status.name).toBe('COMPLETED');
  expect(await getReservedUnits(lab, id)).toBe(0);

  const intents = await lab.listIntents(id);
  expect(intents.length).toBeLessThanOrEqual(1);
  expect(intents.every((i) => i.amount_captured === i.amount_refunded)).toBe(true);
  expect(intents.every((i) => i.status === 'succeeded' || i.status === 'canceled')).toBe(true);

  expect(await findInconsistencies(lab, id)).toEqual([]);
  return order;
}
