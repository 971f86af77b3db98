import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Eta } from 'eta';
import { formatMoney } from '../domain/money';
import type { OrderLine, OrderTotals } from '../domain/order';

export type OrderMailKind = 'order_confirmed' | 'payment_declined' | 'order_out_of_stock' | 'order_cancelled';

export interface OrderMailData {
  orderId: string;
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

export interface RenderedMail {
  subject: string;
  html: string;
  text: string;
}

/** What the templates see: every amount written, every text on one line. Templates choose words, nothing else. */
interface MailView {
  orderId: string;
  customerName: string;
  shopName: string;
  reason: string | null;
  refunded: string | null;
  nothingTaken: boolean;
  orderUrl: string | null;
  lines: { name: string; sku: string; quantity: number; unitPrice: string; amount: string }[];
  /** In order of addition, without the total. */
  totalRows: { label: string; amount: string }[];
  total: string;
  /** Tax that is already inside the total. */
  includedTax: string | null;
  subject: string;
}

const SUBJECTS: Record<OrderMailKind, string> = {
  order_confirmed: 'Your order is confirmed',
  payment_declined: 'Your payment was declined',
  order_out_of_stock: 'Your order could not be placed: not enough stock',
  order_cancelled: 'Your order was cancelled',
};

const TEMPLATES = path.join(__dirname, 'templates');

function load(suffix: string, engine: Eta): Eta {
  for (const file of readdirSync(TEMPLATES).filter((name) => name.endsWith(suffix))) {
    engine.loadTemplate(
      `@${file.slice(0, -suffix.length)}`,
      readFileSync(path.join(TEMPLATES, file), 'utf8'),
    );
  }
  return engine;
}

// Read and compiled when the module is: a missing or broken template stops the boot, not the thousandth mail.
const htmlEngine = load('.html.eta', new Eta({ autoEscape: true }));
const textEngine = load('.text.eta', new Eta({ autoEscape: false, autoTrim: false }));

/**
 * Writes the mail of one step of an order, as HTML (everything escaped) and as plain text (nothing escaped).
 * @throws RangeError when `orderUrl` is not an http(s) URL.
 */
export function renderOrderMail(kind: OrderMailKind, data: OrderMailData): RenderedMail {
  const view = mailView(kind, data);
  return {
    subject: view.subject,
    html: htmlEngine.render(`@${kind}`, view),
    text: `${textEngine.render(`@${kind}`, view).trim()}\n`,
  };
}

function mailView(kind: OrderMailKind, data: OrderMailData): MailView {
  const write = (amount: number): string => formatMoney({ amount, currency: data.currency });
  const { totals, refundedMinor } = data;
  return {
    orderId: data.orderId,
    customerName: oneLine(data.customerName),
    shopName: oneLine(data.shopName),
    reason: data.reason ? oneLine(data.reason) : null,
    refunded: refundedMinor ? write(refundedMinor) : null,
    nothingTaken: refundedMinor === 0,
    orderUrl: webUrl(data.orderUrl),
    lines: data.lines.map((line) => ({
      name: oneLine(line.name),
      sku: oneLine(line.sku),
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

/** A name with line breaks could otherwise add paragraphs of its own to the plain text. */
const oneLine = (value: string): string => value.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();

function webUrl(value: string | undefined): string | null {
  if (value === undefined) return null;
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) {
    throw new RangeError('orderUrl must be an http(s) URL');
  }
  return new URL(value).href;
}
