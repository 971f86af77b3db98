import type { Store } from '../db/store';
import { isOptional, type OrderMailKind } from '../domain/notification-rules';
import type { Order } from '../domain/order';
import { type OrderMailData, renderOrderMail } from '../notifications/order-mail';
import type { ReadMail } from './mails';

/** Mails of an order go to the contact it was placed with. */
export function createOrderMails(
  { contacts, orders, accounts }: Pick<Store, 'contacts' | 'orders' | 'accounts'>,
  shopName: string,
): Record<OrderMailKind, ReadMail> {
  const mailOf =
    (kind: OrderMailKind): ReadMail =>
    async ({ subject: orderId }) => {
      const [contact, order] = await Promise.all([contacts.ofOrder(orderId), orders.find(orderId)]);
      if (order === null || contact?.email == null) return null;
      if (isOptional(kind) && (await accounts.find(order.customerId))?.orderUpdates === 'none')
        return 'unwanted';
      const name = contact.name ?? '';
      return {
        to: { name, address: contact.email },
        content: renderOrderMail(kind, mailData(order, name, shopName)),
      };
    };
  return {
    order_confirmed: mailOf('order_confirmed'),
    payment_declined: mailOf('payment_declined'),
    order_out_of_stock: mailOf('order_out_of_stock'),
    order_cancelled: mailOf('order_cancelled'),
  };
}

const mailData = (order: Order, customerName: string, shopName: string): OrderMailData => {
  const reason = order.cancellation?.reason ?? order.rejection?.detail;
  return {
    orderId: order.id,
    customerName,
    lines: order.lines,
    totals: order,
    currency: order.currency,
    shopName,
    refundedMinor: order.payment === 'refunded' ? order.totalMinor : 0,
    ...(reason === undefined || reason === null ? {} : { reason }),
  };
};
