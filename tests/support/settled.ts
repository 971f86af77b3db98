import { select } from '../../db/sql';
import { isClosed, type Order } from '../../domain/order';
import { paymentStatus } from '../../domain/payment-ledger';
import type { Lab } from './lab';

/** What is left of an order's claims on stock, in units. */
export async function heldUnits(lab: Lab, orderId: string): Promise<number> {
  const [row] = await select<{ units: number | null }>(
    lab.store.db,
    "SELECT SUM(quantity) AS units FROM reservations WHERE order_id = :orderId AND state = 'held'",
    { orderId },
  );
  return Number(row?.units ?? 0);
}

/**
 * Waits for the end of an order that was cancelled or rejected, and checks that nothing of it is left: no stock, no
 * money, and that projection, log, ledger and the provider's books say the same.
 */
export async function endedWithNothingLeft(lab: Lab, id: string): Promise<Order> {
  const result = (await lab.handle(id).result()) as { status: string };
  const order = await lab.store.orders.find(id);
  if (order === null) throw new Error(`no order ${id}`);
  expect(order.status).toBe(result.status);
  expect(isClosed(order.status)).toBe(true);
  expect(order.attention).toBeNull();
  const description = await lab.handle(id).describe();
  expect(description.status.name).toBe('COMPLETED');

  expect(await heldUnits(lab, id)).toBe(0);

  const intents = await lab.intents(id);
  const ledger = await lab.store.ledger.ofOrder(id);
  const sum = (kind: string) =>
    ledger.filter((e) => e.kind === kind).reduce((total, e) => total + e.amountMinor, 0);
  const captured = intents.reduce((total, i) => total + i.amount_captured, 0);
  expect(intents.length).toBeLessThanOrEqual(1);
  expect(intents.every((i) => i.amount_captured === i.amount_refunded)).toBe(true);
  expect(intents.every((i) => i.status === 'succeeded' || i.status === 'canceled')).toBe(true);
  expect({ captured: sum('captured'), refunded: sum('refunded') }).toEqual({ captured, refunded: captured });
  expect(order.payment).toBe(paymentStatus(ledger));

  const log = await lab.store.log.ofOrder(id);
  expect(new Set(log.map((row) => row.type)).size).toBe(log.length - repeated(log.map((row) => row.type)));
  expect(order.version).toBe(lastVersion(log.map((row) => row.body)));
  return order;
}

/** Refusals may be told more than once; nothing else may. */
const repeated = (types: readonly string[]): number =>
  Math.max(0, types.filter((t) => t === 'CancellationRefused').length - 1);

const lastVersion = (bodies: readonly string[]): number =>
  bodies.reduce((last, body) => {
    const { data } = JSON.parse(body) as { data: { order?: Order } };
    return data.order?.version ?? last;
  }, 1);
