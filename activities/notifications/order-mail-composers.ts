import type { Store } from '../../db/core/store';
import type { OrderContact } from '../../db/customers/contacts';
import { isOptional, type OrderMailKind } from '../../domain/notifications/notification-rules';
import type { Cancellation, Order } from '../../domain/orders/order';
import type { CloudEvent } from '../../domain/shared/events';
import { eventKey } from '../../domain/shared/ids';
import { type OrderMailData, renderOrderMail } from '../../integrations/mail-templates/order-mail';
import type { MailComposer } from './mail-composer';

export interface OrderMailOptions {
  shopName: string;
  /** Limit of emails an hour to one address about rejected orders of unverified senders; 0: no limit. */
  unverifiedMailsPerHour: number;
}

const HOUR_MS = 60 * 60_000;

/**
 * Emails about an order, to its contact. A guest can enter any address: emails to an unverified address contain no text
 * of the sender, and emails about rejected orders, which cost the sender nothing, are limited.
 */
export function createOrderMailComposers(
  { contacts, orders, accounts, log }: Pick<Store, 'contacts' | 'orders' | 'accounts' | 'log'>,
  { shopName, unverifiedMailsPerHour }: OrderMailOptions,
): Record<OrderMailKind, MailComposer> {
  /** Whether a guest placed the order, or a customer with another person's address. */
  const isUnverified = async (order: Order, contact: OrderContact): Promise<boolean> => {
    const [created] = await log.findByKeys([eventKey(order.id, 'created')]);
    const { actor } = JSON.parse(created?.body ?? '{"actor": "guest"}') as Pick<CloudEvent, 'actor'>;
    if (actor === 'guest') return true;
    if (!actor.startsWith('customer:')) return false;
    return (await contacts.findProfile(order.customerId))?.email !== contact.email;
  };

  /** Only rejected orders count: they cost the sender nothing. */
  const exceedsMailLimit = async ({ id, customerId, status, placedAtMs }: Order): Promise<boolean> => {
    if (status !== 'rejected' || unverifiedMailsPerHour === 0) return false;
    const fromMs = placedAtMs - HOUR_MS;
    const earlier = await orders.list({
      customerId,
      status,
      fromMs,
      afterId: id,
      limit: unverifiedMailsPerHour,
    });
    return earlier.length === unverifiedMailsPerHour;
  };

  const createComposer =
    (kind: OrderMailKind): MailComposer =>
    async ({ subject: orderId }) => {
      const [contact, order] = await Promise.all([contacts.findByOrder(orderId), orders.find(orderId)]);
      if (order === null || contact?.email == null) return null;
      if (isOptional(kind) && (await accounts.find(order.customerId))?.orderUpdates === 'none')
        return 'opted_out';
      const unverified = await isUnverified(order, contact);
      if (unverified && (await exceedsMailLimit(order))) return 'rate_limited';
      const name = unverified ? '' : (contact.name ?? '');
      return {
        to: { name, address: contact.email },
        content: renderOrderMail(kind, toMailData(order, name, getCloseReason(order, unverified), shopName)),
      };
    };
  return {
    order_confirmed: createComposer('order_confirmed'),
    payment_declined: createComposer('payment_declined'),
    order_out_of_stock: createComposer('order_out_of_stock'),
    order_cancelled: createComposer('order_cancelled'),
  };
}

/** The reason of the rejection or cancellation; null if it may be text of an unverified sender. */
function getCloseReason({ cancellation, rejection }: Order, unverified: boolean): string | null {
  if (cancellation === null) return rejection?.detail ?? null;
  return unverified && isByCustomer(cancellation) ? null : cancellation.reason;
}

const isByCustomer = ({ requestedBy: { claim = '' } }: Cancellation): boolean =>
  /^(guest|customer)\b/.test(claim);

const toMailData = (
  order: Order,
  customerName: string,
  reason: string | null,
  shopName: string,
): OrderMailData => ({
  orderId: order.id,
  customerName,
  lines: order.lines,
  totals: order,
  currency: order.currency,
  shopName,
  refundedMinor: order.payment === 'refunded' ? order.totalMinor : 0,
  ...(reason === null ? {} : { reason }),
});
