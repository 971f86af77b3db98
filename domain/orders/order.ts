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
  /** Tax on this line, contained in or added to its price as the order's `taxIncluded` says. */
  taxMinor: number;
  /** What this line adds to the order's total (shipping apart). */
  totalMinor: number;
}

/** total = subtotal - discount + shipping + (taxIncluded ? 0 : tax), exactly. Minor units. */
export interface OrderTotals {
  subtotalMinor: number;
  discountMinor: number;
  shippingMinor: number;
  /** All tax: of the lines and of the shipping. */
  taxMinor: number;
  totalMinor: number;
  taxIncluded: boolean;
}

export interface PricedCart extends OrderTotals {
  currency: string;
  /** Code of the way it is sent. */
  shippingMethod: string;
  lines: OrderLine[];
}

/** Who caused a change. `claim` is what an unauthenticated sender said of itself. */
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

/** Lines that could not be reserved, with what is there. */
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

/** The order needs a person's eye: a step keeps failing. It goes on being tried all the same. */
export interface Attention {
  step: string;
  detail: string;
  sinceMs: number;
}

/** An order as its workflow knows it. No personal data: `customerId` refers to it. */
export interface Order extends PricedCart {
  id: string;
  customerId: string;
  status: OrderStatus;
  payment: PaymentStatus;
  fulfilment: FulfilmentStatus;
  placedAtMs: number;
  updatedAtMs: number;
  /** Grows by one with every recorded change. */
  version: number;
  cancellation: Cancellation | null;
  rejection: Rejection | null;
  attention: Attention | null;
}

/** Orders in these states never change `status` again and hold nothing. */
export const isClosed = (status: OrderStatus): boolean =>
  status === 'cancelled' || status === 'rejected' || status === 'completed';

/** The first answer to a placement is known. */
export const isDecided = (status: OrderStatus): boolean => status !== 'placed';
