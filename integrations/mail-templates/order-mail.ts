import type { OrderMailKind } from '../../domain/notifications/notification-rules';
import type { OrderLine, OrderTotals } from '../../domain/orders/order';
import { formatMoney } from '../../domain/shared/money';
import { type MailTemplateData, type RenderedMail, renderMail, toSingleLine, toWebUrl } from './render-mail';

export interface OrderMailData {
  orderId: string;
  /** Empty: it is nobody whose word counts. */
  customerName: string;
  lines: readonly OrderLine[];
  totals: OrderTotals;
  /** ISO 4217; of every amount here. */
  currency: string;
  /** Why, in words for the customer. */
  reason?: string;
  /** What was given back when the order was cancelled; 0: nothing had been taken. Left out: not known. */
  refundedMinor?: number;
  shopName: string;
  /** http(s) page of the order; becomes a button. */
  orderUrl?: string;
}

/** What the templates see: every amount written, every text on one line. */
interface OrderMailTemplateData extends MailTemplateData {
  orderId: string;
  customerName: string;
  reason: string | null;
  refunded: string | null;
  isUncharged: boolean;
  orderUrl: string | null;
  lines: { name: string; sku: string; quantity: number; unitPrice: string; amount: string }[];
  /** In order of addition, without the total. */
  totalRows: { label: string; amount: string }[];
  total: string;
  /** Tax that is already inside the total. */
  includedTax: string | null;
}

const SUBJECTS: Record<OrderMailKind, string> = {
  order_confirmed: 'Your order is confirmed',
  payment_declined: 'Your payment was declined',
  order_out_of_stock: 'Your order could not be placed: not enough stock',
  order_cancelled: 'Your order was cancelled',
};

/**
 * Writes the mail of one step of an order.
 * @throws RangeError when `orderUrl` is not an http(s) URL.
 */
export const renderOrderMail = (kind: OrderMailKind, data: OrderMailData): RenderedMail =>
  renderMail(kind, toTemplateData(kind, data));

function toTemplateData(kind: OrderMailKind, data: OrderMailData): OrderMailTemplateData {
  const write = (amount: number): string => formatMoney({ amount, currency: data.currency });
  const { totals, refundedMinor } = data;
  return {
    orderId: data.orderId,
    customerName: toSingleLine(data.customerName),
    shopName: toSingleLine(data.shopName),
    reason: data.reason ? toSingleLine(data.reason) : null,
    refunded: refundedMinor ? write(refundedMinor) : null,
    isUncharged: refundedMinor === 0,
    orderUrl: data.orderUrl === undefined ? null : toWebUrl(data.orderUrl),
    lines: data.lines.map((line) => ({
      name: toSingleLine(line.name),
      sku: toSingleLine(line.sku),
      quantity: line.quantity,
      unitPrice: write(line.unitPriceMinor),
      // Before discount: the column adds up to the subtotal below it.
      amount: write(line.subtotalMinor),
    })),
    totalRows: [
      { label: 'Subtotal', amount: write(totals.subtotalMinor) },
      ...(totals.discountMinor > 0 ? [{ label: 'Discount', amount: write(-totals.discountMinor) }] : []),
      { label: 'Shipping', amount: totals.shippingMinor > 0 ? write(totals.shippingMinor) : 'Free' },
      ...(totals.taxIncluded ? [] : [{ label: 'Tax', amount: write(totals.taxMinor) }]),
    ],
    total: write(totals.totalMinor),
    includedTax: totals.taxIncluded && totals.taxMinor > 0 ? write(totals.taxMinor) : null,
    subject: `${SUBJECTS[kind]} (${data.orderId})`,
  };
}
