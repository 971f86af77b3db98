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
  /** Of orders that came to nothing, an hour; 0: as many as they like. */
  unverifiedMailsPerHour: number;
}

const HOUR_MS = 60 * 60_000;

/**
 * Mails of an order go to the contact it was placed with. That may be anybody's address: in mails about orders that were
 * not placed by whoever it belongs to, nothing is written that a stranger has made up, and there are not many of those
 * that cost a stranger nothing.
 */
export function createOrderMailComposers(
  { contacts, orders, accounts, log }: Pick<Store, 'contacts' | 'orders' | 'accounts' | 'log'>,
  { shopName, unverifiedMailsPerHour }: OrderMailOptions,
): Record<OrderMailKind, MailComposer> {
  /** Whether somebody placed it of whom nothing is known, or a customer for another's address. */
  const isByStranger = async (order: Order, contact: OrderContact): Promise<boolean> => {
    const [created] = await log.findByKeys([eventKey(order.id, 'created')]);
    const { actor } = JSON.parse(created?.body ?? '{"actor": "guest"}') as Pick<CloudEvent, 'actor'>;
    if (actor === 'guest') return true;
    if (!actor.startsWith('customer:')) return false;
    return (await contacts.findProfile(order.customerId))?.email !== contact.email;
  };

  /** Nothing was paid for those. */
  const isOneTooMany = async ({ id, customerId, status, placedAtMs }: Order): Promise<boolean> => {
    if (status !== 'rejected' || unverifiedMailsPerHour === 0) return false;
    const fromMs = placedAtMs - HOUR_MS;
    const before = await orders.list({
      customerId,
      status,
      fromMs,
      afterId: id,
      limit: unverifiedMailsPerHour,
    });
    return before.length === unverifiedMailsPerHour;
  };

  const mailOf =
    (kind: OrderMailKind): MailComposer =>
    async ({ subject: orderId }) => {
      const [contact, order] = await Promise.all([contacts.findByOrder(orderId), orders.find(orderId)]);
      if (order === null || contact?.email == null) return null;
      if (isOptional(kind) && (await accounts.find(order.customerId))?.orderUpdates === 'none')
        return 'opted_out';
      const byStranger = await isByStranger(order, contact);
      if (byStranger && (await isOneTooMany(order))) return 'rate_limited';
      const name = byStranger ? '' : (contact.name ?? '');
      return {
        to: { name, address: contact.email },
        content: renderOrderMail(kind, toMailData(order, name, getCloseReason(order, byStranger), shopName)),
      };
    };
  return {
    order_confirmed: mailOf('order_confirmed'),
    payment_declined: mailOf('payment_declined'),
    order_out_of_stock: mailOf('order_out_of_stock'),
    order_cancelled: mailOf('order_cancelled'),
  };
}

/** Why it ended, where the shop or its staff says so, or whoever it belongs to. */
function getCloseReason({ cancellation, rejection }: Order, byStranger: boolean): string | null {
  if (cancellation === null) return rejection?.detail ?? null;
  return byStranger && isByCustomer(cancellation) ? null : cancellation.reason;
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
