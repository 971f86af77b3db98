import type { Client } from '@temporalio/client';
import type { Order } from '../../domain/orders/order';
import { type OrderReader, queryOrderWorkflow } from './find-order';

const buildOrder = (status: Order['status'], version: number) => ({ id: 'ord_1', status, version }) as Order;

/** Reads an order whose row and whose workflow differ. */
async function readStrongly(stored: Order, inWorkflow: Order): Promise<Order> {
  const store = {
    orders: { find: async () => stored },
    contacts: { findByOrder: async () => null },
  } as unknown as OrderReader['store'];
  const temporal = {
    withDeadline: (_: number, call: () => Promise<Order>) => call(),
    workflow: { getHandle: () => ({ query: async () => inWorkflow }) },
  } as unknown as Client;
  return (await queryOrderWorkflow({ store, temporal }, stored.id)).order;
}

test('a strong read returns the state of the workflow when it is newer than the stored one', async () => {
  const order = await readStrongly(buildOrder('placed', 1), buildOrder('confirmed', 2));
  expect(order.status).toBe('confirmed');
});

test('a strong read never returns a state older than the stored one: the payment may have confirmed the order', async () => {
  const order = await readStrongly(buildOrder('confirmed', 2), buildOrder('placed', 1));
  expect(order.status).toBe('confirmed');
});
