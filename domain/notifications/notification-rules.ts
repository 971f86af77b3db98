import type { OrderSnapshot } from '../orders/order-events';
import type { EventType } from '../shared/events';

/** Mails to the customer of an order. */
export const ORDER_MAIL_KINDS = [
  'order_confirmed',
  'payment_declined',
  'order_out_of_stock',
  'order_cancelled',
] as const;
export type OrderMailKind = (typeof ORDER_MAIL_KINDS)[number];

/** Mails about an account. */
export const ACCOUNT_MAIL_KINDS = [
  'registration_confirm',
  'duplicate_registration',
  'password_reset',
  'password_changed',
] as const;
export type AccountMailKind = (typeof ACCOUNT_MAIL_KINDS)[number];

/** Mails to the staff responsible for stock. */
export const INVENTORY_MAIL_KINDS = ['inventory_low'] as const;
export type InventoryMailKind = (typeof INVENTORY_MAIL_KINDS)[number];

/** Each kind has a mail template of the same name in both formats. */
export const NOTIFICATION_KINDS = [
  ...ORDER_MAIL_KINDS,
  ...ACCOUNT_MAIL_KINDS,
  ...INVENTORY_MAIL_KINDS,
] as const;
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number];

/** Whether customers may opt out: the mail asks for no action and repeats what the order shows. */
export const isOptional = (kind: NotificationKind): boolean => kind === 'order_confirmed';

/** Whether the mail goes to each staff address instead of the customer of the subject. */
export const isForStaff = (kind: NotificationKind): kind is InventoryMailKind => kind === 'inventory_low';

/** The mail that an event triggers; null for most events. */
export function getMailKind(type: EventType, data: Record<string, unknown>): NotificationKind | null {
  switch (type) {
    case 'OrderConfirmed':
      return 'order_confirmed';
    case 'OrderCancelled':
      return 'order_cancelled';
    case 'OrderRejected':
      return (data.order as OrderSnapshot).rejection?.code === 'out_of_stock'
        ? 'order_out_of_stock'
        : 'payment_declined';
    case 'RegistrationRequested':
      return 'registration_confirm';
    case 'DuplicateRegistrationAttempted':
      return 'duplicate_registration';
    case 'PasswordResetRequested':
      return 'password_reset';
    case 'PasswordChanged':
      return 'password_changed';
    case 'InventoryLow':
      return 'inventory_low';
    default:
      return null;
  }
}
