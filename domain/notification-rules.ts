import type { EventType } from './events';
import type { OrderSnapshot } from './order-events';

/** Mails to the customer of an order. */
export type OrderMailKind = 'order_confirmed' | 'payment_declined' | 'order_out_of_stock' | 'order_cancelled';

/** Mails to the staff that looks after stock. */
export type InventoryMailKind = 'inventory_low';

export type NotificationKind = OrderMailKind | InventoryMailKind;

/** Who is told: the one person that the notification's subject leads to, or each of the staff. */
export const isForStaff = (kind: NotificationKind): kind is InventoryMailKind => kind === 'inventory_low';

/** Which mail an event calls for; none for most. `data` is the event's. */
export function mailFor(type: EventType, data: Record<string, unknown>): NotificationKind | null {
  switch (type) {
    case 'OrderConfirmed':
      return 'order_confirmed';
    case 'OrderCancelled':
      return 'order_cancelled';
    case 'OrderRejected':
      return (data.order as OrderSnapshot).rejection?.code === 'out_of_stock'
        ? 'order_out_of_stock'
        : 'payment_declined';
    case 'InventoryLow':
      return 'inventory_low';
    default:
      return null;
  }
}
