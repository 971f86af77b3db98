import type { Store } from '../../db/core/store';
import type { OrderContact } from '../../db/customers/contacts';
import type { Notification } from '../../db/notifications/notifications';
import { isOptional, type OrderMailKind } from '../../domain/notifications/notification-rules';
import type { Cancellation, Order } from '../../domain/orders/order';
import type { CloudEvent } from '../../domain/shared/events';
import { eventKey } from '../../domain/shared/ids';
import { type OrderMailData, renderOrderMail } from '../../integrations/mail-templates/order-mail';
import type { ComposedMail, MailComposer } from './mail-composer';

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

  /** Loads what the emails of a batch need, with one statement for each table. */
  const loadBatch = async (notifications: readonly Notification[]) => {
    const orderIds = unique(notifications.map(({ subject }) => subject));
    const [contactRows, orderRows, created] = await Promise.all([
      contacts.findByOrders(orderIds),
      orders.findMany(orderIds),
      log.findByKeys(orderIds.map((id) => eventKey(id, 'created'))),
    ]);
    const customerIds = unique(orderRows.map(({ customerId }) => customerId));
    const actors = new Map(created.map(({ subject, body }) => [subject, parseActor(body)]));
    const hasCustomers = [...actors.values()].some(isCustomer);
    const hasOptional = notifications.some(({ kind }) => isOptional(kind));
    const [optedOut, profiles] = await Promise.all([
      hasOptional ? accounts.findOptedOut(customerIds) : new Set<string>(),
      hasCustomers ? contacts.findProfiles(customerIds) : [],
    ]);
    return {
      contacts: new Map(contactRows.map((contact) => [contact.orderId, contact])),
      orders: new Map(orderRows.map((order) => [order.id, order])),
      actors,
      optedOut,
      emails: new Map(profiles.map(({ customerId, email }) => [customerId, email])),
    };
  };
  type Batch = Awaited<ReturnType<typeof loadBatch>>;

  /** Whether a guest placed the order, or a customer with another person's address. */
  const isUnverified = ({ actors, emails }: Batch, order: Order, contact: OrderContact): boolean => {
    const actor = actors.get(order.id) ?? GUEST;
    if (isCustomer(actor)) return emails.get(order.customerId) !== contact.email;
    return actor === GUEST;
  };

  const composeMail = async (batch: Batch, { kind, subject }: Notification): Promise<ComposedMail> => {
    const [contact, order] = [batch.contacts.get(subject), batch.orders.get(subject)];
    if (order === undefined || contact?.email == null) return 'no_recipient';
    if (isOptional(kind) && batch.optedOut.has(order.customerId)) return 'opted_out';
    const unverified = isUnverified(batch, order, contact);
    if (unverified && (await exceedsMailLimit(order))) return 'rate_limited';
    const name = unverified ? '' : (contact.name ?? '');
    const data = toMailData(order, name, getCloseReason(order, unverified), shopName);
    return { to: { name, address: contact.email }, content: renderOrderMail(kind as OrderMailKind, data) };
  };

  const composeMails: MailComposer = async (notifications) => {
    const batch = await loadBatch(notifications);
    return Promise.all(notifications.map((notification) => composeMail(batch, notification)));
  };
  // The same function, so that a batch of several kinds is loaded once.
  return {
    order_confirmed: composeMails,
    payment_declined: composeMails,
    order_out_of_stock: composeMails,
    order_cancelled: composeMails,
  };
}

const GUEST = 'guest';

const isCustomer = (actor: string): boolean => actor.startsWith('customer:');

const parseActor = (createdEvent: string): string =>
  (JSON.parse(createdEvent) as Pick<CloudEvent, 'actor'>).actor;

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

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
