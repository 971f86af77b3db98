import type { OrderSnapshot } from '../orders/order-events';
import type { EventType } from '../shared/events';

/** Mails to the customer of an order. */
export type OrderMailKind = 'order_confirmed' | 'payment_declined' | 'order_out_of_stock' | 'order_cancelled';

/** Mails about an account. */
export type AccountMailKind =
  | 'registration_confirm'
  | 'duplicate_registration'
  | 'password_reset'
  | 'password_changed';

/** Mails to the staff responsible for stock. */
export type InventoryMailKind = 'inventory_low';

export type NotificationKind = OrderMailKind | AccountMailKind | InventoryMailKind;

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
