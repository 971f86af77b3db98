import type { ErrorCode } from '../shared/errors';

export type OrderStatus =
  | 'placed'
  | 'confirmed'
  | 'completed'
  | 'on_hold'
  | 'cancelling'
  | 'cancelled'
  | 'rejected';

export type PaymentStatus =
  | 'none'
  | 'pending'
  | 'authorized'
  | 'partially_paid'
  | 'paid'
  | 'refund_pending'
  | 'partially_refunded'
  | 'refunded'
  | 'voided'
  | 'failed';

export type FulfilmentStatus =
  | 'unfulfilled'
  | 'partially_shipped'
  | 'shipped'
  | 'partially_delivered'
  | 'delivered'
  | 'partially_returned'
  | 'returned';

/** One line of an order, priced. All amounts in minor units of the order's currency. */
export interface OrderLine {
  /** 1-based position in the order. */
  line: number;
  sku: string;
  name: string;
  quantity: number;
  unitPriceMinor: number;
  /** quantity × unit price, before discount. */
  subtotalMinor: number;
  discountMinor: number;
  /** Tax on this line, included in or added to its price according to the order's `taxIncluded`. */
  taxMinor: number;
  /** The line's part of the order total, without shipping. */
  totalMinor: number;
}

/** total = subtotal - discount + shipping + (taxIncluded ? 0 : tax). Minor units. */
export interface OrderTotals {
  subtotalMinor: number;
  discountMinor: number;
  shippingMinor: number;
  /** Tax of lines and shipping. */
  taxMinor: number;
  totalMinor: number;
  taxIncluded: boolean;
}

export interface PricedCart extends OrderTotals {
  currency: string;
  /** Code of the shipping method. */
  shippingMethod: string;
  lines: OrderLine[];
}

/** The cause of a change. `claim` is an unverified name given by the sender of a signal. */
export interface Actor {
  kind: 'guest' | 'customer' | 'staff' | 'machine' | 'system' | 'temporal' | 'signal' | 'provider';
  id?: string;
  claim?: string;
}

export interface Cancellation {
  reason: string | null;
  requestedBy: Actor;
  requestedAtMs: number;
}

/** A line that could not be reserved, with the available quantity. */
export interface StockShortage {
  line: number;
  sku: string;
  requested: number;
  available: number;
}

export interface Rejection {
  code: Extract<ErrorCode, 'out_of_stock' | 'customer_erased' | 'payment_declined' | 'payment_unavailable'>;
  detail: string;
  shortages?: StockShortage[];
  declineCode?: string;
}

/** Staff must investigate the order: a step keeps failing. Its retries continue. */
export interface Attention {
  step: string;
  detail: string;
  sinceMs: number;
}

/** The state of an order. No personal data: `customerId` refers to it. */
export interface Order extends PricedCart {
  id: string;
  customerId: string;
  status: OrderStatus;
  payment: PaymentStatus;
  fulfilment: FulfilmentStatus;
  placedAtMs: number;
  updatedAtMs: number;
  /** Incremented by every recorded change. */
  version: number;
  cancellation: Cancellation | null;
  rejection: Rejection | null;
  attention: Attention | null;
}

/** Closed orders never change `status` again and have no live reservation. */
export const isClosed = (status: OrderStatus): boolean =>
  status === 'cancelled' || status === 'rejected' || status === 'completed';

/** Whether the placement is decided. */
export const isDecided = (status: OrderStatus): boolean => status !== 'placed';
