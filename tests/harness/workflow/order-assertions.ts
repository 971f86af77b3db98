import { select } from '../../../db/core/sql';
import { createStockVerificationReader } from '../../../db/verification/stock-verification-reader';
import { createVerificationReader } from '../../../db/verification/verification-reader';
import { isClosed, type Order } from '../../../domain/orders/order';
import { verify } from '../../../verification/verify';
import { TEST_AUDIT_KEY } from '../servers/databases';
import type { WorkflowTestEnv } from './workflow-test-env';

/** @returns the units that an order's active reservations hold. */
export async function getReservedUnits(testEnv: WorkflowTestEnv, orderId: string): Promise<number> {
  const [row] = await select<{ units: number | null }>(
    testEnv.store.db,
    "SELECT SUM(quantity) AS units FROM reservations WHERE order_id = :orderId AND state = 'held'",
    { orderId },
  );
  return Number(row?.units ?? 0);
}

/** @returns the differences between history, log, ledger, provider, reservations and projection of an order. */
export async function findInconsistencies(testEnv: WorkflowTestEnv, orderId: string): Promise<string[]> {
  const findings: string[] = [];
  await verify(
    {
      store: testEnv.store,
      reads: createVerificationReader(testEnv.store.db),
      stockReads: createStockVerificationReader(testEnv.store.db),
      auditKey: TEST_AUDIT_KEY,
      provider: testEnv.provider,
      temporal: testEnv.client,
      taskQueue: testEnv.queues.orders,
    },
    ({ check, detail }) => findings.push(`${check}: ${detail}`),
    [orderId],
  );
  return findings;
}

/**
 * Waits until a cancelled or rejected order is closed, then checks full compensation: no reservation, no captured money,
 * no intent that could capture later, and no inconsistency between the records.
 */
export async function expectFullyCompensated(testEnv: WorkflowTestEnv, id: string): Promise<Order> {
  const result = (await testEnv.getHandle(id).result()) as { status: string };
  const order = await testEnv.store.orders.find(id);
  if (order === null) throw new Error(`no order ${id}`);
  expect(order.status).toBe(result.status);
  expect(isClosed(order.status)).toBe(true);
  expect(order.attention).toBeNull();
  expect((await testEnv.getHandle(id).describe()).status.name).toBe('COMPLETED');
  expect(await getReservedUnits(testEnv, id)).toBe(0);

  const intents = await testEnv.listIntents(id);
  expect(intents.length).toBeLessThanOrEqual(1);
  expect(intents.every((i) => i.amount_captured === i.amount_refunded)).toBe(true);
  expect(intents.every((i) => i.status === 'succeeded' || i.status === 'canceled')).toBe(true);

  expect(await findInconsistencies(testEnv, id)).toEqual([]);
  return order;
}
