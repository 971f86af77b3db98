import type { OrderMailKind } from '../../domain/notifications/notification-rules';
import type { OrderLine, OrderTotals } from '../../domain/orders/order';
import { formatMoney } from '../../domain/shared/money';
import { type MailTemplateData, type RenderedMail, renderMail, toSingleLine, toWebUrl } from './render-mail';

export interface OrderMailData {
  orderId: string;
  /** Empty if the name was not verified. */
  customerName: string;
  lines: readonly OrderLine[];
  totals: OrderTotals;
  /** ISO 4217 code of all amounts. */
  currency: string;
  /** Reason shown to the customer. */
  reason?: string;
  /** Amount refunded by a cancellation; 0: nothing was charged; omitted: unknown. */
  refundedMinor?: number;
  shopName: string;
  /** http(s) URL of the order page, shown as a button. */
  orderUrl?: string;
}

/** Template data: amounts formatted, every text on one line. */
interface OrderMailTemplateData extends MailTemplateData {
  orderId: string;
  customerName: string;
  reason: string | null;
  refunded: string | null;
  isUncharged: boolean;
  orderUrl: string | null;
  lines: { name: string; sku: string; quantity: number; unitPrice: string; amount: string }[];
  /** Rows above the total, in display order. */
  totalRows: { label: string; amount: string }[];
  total: string;
  /** Tax included in the total. */
  includedTax: string | null;
}

const SUBJECTS: Record<OrderMailKind, string> = {
  order_confirmed: 'Your order is confirmed',
  payment_declined: 'Your payment was declined',
  order_out_of_stock: 'Your order could not be placed: insufficient stock',
  order_cancelled: 'Your order was cancelled',
};

/**
 * Renders a mail about an order.
 * @throws RangeError if `orderUrl` is not an http(s) URL.
 */
export const renderOrderMail = (kind: OrderMailKind, data: OrderMailData): RenderedMail =>
  renderMail(kind, toTemplateData(kind, data));

function toTemplateData(kind: OrderMailKind, data: OrderMailData): OrderMailTemplateData {
  const format = (amount: number): string => formatMoney({ amount, currency: data.currency });
  const { totals, refundedMinor } = data;
  return {
    orderId: data.orderId,
    customerName: toSingleLine(data.customerName),
    shopName: toSingleLine(data.shopName),
    reason: data.reason ? toSingleLine(data.reason) : null,
    refunded: refundedMinor ? format(refundedMinor) : null,
    isUncharged: refundedMinor === 0,
    orderUrl: data.orderUrl === undefined ? null : toWebUrl(data.orderUrl),
    lines: data.lines.map((line) => ({
      name: toSingleLine(line.name),
      sku: toSingleLine(line.sku),
      quantity: line.quantity,
      unitPrice: format(line.unitPriceMinor),
      // Before discount: the column adds up to the subtotal below it.
      amount: format(line.subtotalMinor),
    })),
    totalRows: [
      { label: 'Subtotal', amount: format(totals.subtotalMinor) },
      ...(totals.discountMinor > 0 ? [{ label: 'Discount', amount: format(-totals.discountMinor) }] : []),
      { label: 'Shipping', amount: totals.shippingMinor > 0 ? format(totals.shippingMinor) : 'Free' },
      ...(totals.taxIncluded ? [] : [{ label: 'Tax', amount: format(totals.taxMinor) }]),
    ],
    total: format(totals.totalMinor),
    includedTax: totals.taxIncluded && totals.taxMinor > 0 ? format(totals.taxMinor) : null,
    subject: `${SUBJECTS[kind]} (${data.orderId})`,
  };
}
