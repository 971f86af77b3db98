import type { EventType } from './events';
import type { OrderSnapshot } from './order-events';

export type NotificationKind =
  | 'order_confirmed'
  | 'payment_declined'
  | 'order_out_of_stock'
  | 'order_cancelled';

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
    default:
      return null;
  }
}
