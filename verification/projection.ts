import type { Attention, Order, PricedCart } from '../domain/orders/order';
import { placeOrder } from '../domain/orders/order-changes';
import type { OrderSnapshot } from '../domain/orders/order-events';
import type { CloudEvent, EventType } from '../domain/shared/events';

/** What an event says of the order; events that are not here are told beside its state. */
const CHANGES: Partial<Record<EventType, (event: CloudEvent) => Partial<Order>>> = {
  OrderConfirmed: getSnapshot,
  OrderRejected: getSnapshot,
  OrderCancellationStarted: getSnapshot,
  OrderCancelled: getSnapshot,
  PaymentVoided: () => ({ payment: 'voided' }),
  PaymentRefunded: () => ({ payment: 'refunded' }),
  OrderAttentionRequired: ({ data, time }) => ({
    attention: { ...(data as Omit<Attention, 'sinceMs'>), sinceMs: Date.parse(time) } as Attention,
  }),
  OrderAttentionResolved: () => ({ attention: null }),
};

function getSnapshot({ data }: CloudEvent): OrderSnapshot {
  return data.order as OrderSnapshot;
}

/**
 * The order as its log tells it, which is what its row has to be; undefined when the log does not tell of it.
 * @param events of the order's own stream, oldest first, their hashes proven.
 */
export function projectOrder(id: string, events: readonly CloudEvent[]): Order | undefined {
  const created = events.find(({ type }) => type === 'OrderCreated');
  if (created === undefined) return undefined;
  const basket = {
    // Orders of before there was a choice went the one way there was.
    shippingMethod: 'standard',
    ...created.data,
  } as unknown as PricedCart & { customerId: string };
  let order = placeOrder(basket, {
    id,
    customerId: basket.customerId,
    placedAtMs: Date.parse(created.time),
  });
  for (const event of events) {
    const change = CHANGES[event.type]?.(event);
    if (change === undefined) continue;
    order = { ...order, version: order.version + 1, ...change, updatedAtMs: Date.parse(event.time) };
  }
  return order;
}
