import type { Attention, Order, PricedCart } from '../domain/orders/order';
import { placeOrder } from '../domain/orders/order-changes';
import type { OrderSnapshot } from '../domain/orders/order-events';
import {
  derivePaymentStatus,
  type LedgerEntry,
  type LedgerEntryKind,
} from '../domain/payments/payment-ledger';
import type { CloudEvent, EventType } from '../domain/shared/events';

/** The change of the order that an event records; other events do not change its state. */
const CHANGES: Partial<
  Record<EventType, (event: CloudEvent, order: Order, ledger: LedgerAmount[]) => Partial<Order>>
> = {
  OrderConfirmed: getSnapshot,
  OrderRejected: getSnapshot,
  OrderCancellationStarted: getSnapshot,
  OrderCancelled: getSnapshot,
  PaymentVoided: derivePayment,
  PaymentRefunded: derivePayment,
  OrderAttentionRequired: ({ data, time }) => ({
    attention: { ...(data as Omit<Attention, 'sinceMs'>), sinceMs: Date.parse(time) } as Attention,
  }),
  OrderAttentionResolved: () => ({ attention: null }),
};

type LedgerAmount = Pick<LedgerEntry, 'kind' | 'amountMinor'>;

/** The ledger entries that events record. */
const LEDGER_KINDS: Partial<Record<EventType, LedgerEntryKind>> = {
  PaymentSucceeded: 'captured',
  PaymentVoided: 'voided',
  PaymentRefunded: 'refunded',
};

function derivePayment(_: CloudEvent, { status }: Order, ledger: LedgerAmount[]): Partial<Order> {
  return { payment: derivePaymentStatus(ledger, status) };
}

function getSnapshot({ data }: CloudEvent): OrderSnapshot {
  return data.order as OrderSnapshot;
}

/**
 * Projects an order from its log; undefined if the log has no such order.
 * @param events of the order's stream, oldest first, hashes verified.
 */
export function projectOrder(id: string, events: readonly CloudEvent[]): Order | undefined {
  const created = events.find(({ type }) => type === 'OrderCreated');
  if (created === undefined) return undefined;
  const cart = created.data as unknown as PricedCart & { customerId: string };
  let order = placeOrder(cart, {
    id,
    customerId: cart.customerId,
    placedAtMs: Date.parse(created.time),
  });
  const ledger: LedgerAmount[] = [];
  for (const event of events) {
    const kind = LEDGER_KINDS[event.type];
    if (kind !== undefined) ledger.push({ kind, amountMinor: Number(event.data.amountMinor ?? 0) });
    const change = CHANGES[event.type]?.(event, order, ledger);
    if (change === undefined) continue;
    order = { ...order, version: order.version + 1, ...change, updatedAtMs: Date.parse(event.time) };
  }
  return order;
}
