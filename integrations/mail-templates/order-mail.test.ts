import { ORDER_MAIL_KINDS } from '../../domain/notifications/notification-rules';
import type { OrderLine } from '../../domain/orders/order';
import { type OrderMailData, renderOrderMail } from './order-mail';

const line = (changes: Partial<OrderLine> = {}): OrderLine => ({
  line: 1,
  sku: 'walnut-desk',
  name: 'Walnut desk',
  quantity: 2,
  unitPriceMinor: 41900,
  subtotalMinor: 83800,
  discountMinor: 0,
  taxMinor: 0,
  totalMinor: 83800,
  ...changes,
});

const data = (changes: Partial<OrderMailData> = {}): OrderMailData => ({
  orderId: 'ord_01ARZ3NDEKTSV4RRFFQ69G5FAV',
  customerName: 'Ada Byron',
  lines: [line()],
  totals: {
    subtotalMinor: 83800,
    discountMinor: 1000,
    shippingMinor: 490,
    taxMinor: 13301,
    totalMinor: 83290,
    taxIncluded: true,
  },
  currency: 'EUR',
  shopName: 'Durable Goods',
  ...changes,
});

describe.each(ORDER_MAIL_KINDS)('%s', (kind) => {
  test('contains order, customer, shop, lines and amounts in both formats', () => {
    const mail = renderOrderMail(kind, data());
    for (const body of [mail.html, mail.text]) {
      for (const part of [
        'ord_01ARZ3NDEKTSV4RRFFQ69G5FAV',
        'Ada Byron',
        'Durable Goods',
        'Walnut desk',
        'walnut-desk',
        '2 × €419.00',
        '€838.00',
        '-€10.00',
        '€4.90',
        '€832.90',
        '€133.01',
      ]) {
        expect(body).toContain(part);
      }
      expect(body).not.toMatch(/undefined|null|NaN|\[object/);
    }
    expect(mail.subject).toContain('ord_01ARZ3NDEKTSV4RRFFQ69G5FAV');
    expect(mail.subject).not.toMatch(/[\r\n]/);
  });

  test('escapes HTML, not text', () => {
    const hostile = `<script>alert("1")</script> & 'co'`;
    const mail = renderOrderMail(
      kind,
      data({
        customerName: hostile,
        shopName: hostile,
        reason: hostile,
        lines: [line({ name: hostile, sku: hostile })],
        orderUrl: 'https://shop.example/?a=1&b="><script>',
      }),
    );
    expect(mail.html).not.toContain('<script');
    expect(mail.html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;co&#39;');
    expect(mail.html).toContain('href="https://shop.example/?a=1&amp;b=');
    expect(mail.text).toContain(hostile);
    expect(mail.text).not.toMatch(/&(?:amp|lt|gt|quot|#39);/);
  });

  test('keeps a name with line breaks on one line', () => {
    const mail = renderOrderMail(kind, data({ customerName: 'Ada\r\n\r\nPay at evil.example' }));
    expect(mail.text).toContain('Hello Ada Pay at evil.example,');
  });

  test('is accessible, responsive and supports dark mode', () => {
    const { html } = renderOrderMail(kind, data());
    expect(html).toMatch(/^<!doctype html>\s*<html lang="en"/);
    expect(html).toContain('name="viewport"');
    expect(html).toContain('prefers-color-scheme: dark');
    expect(html).not.toMatch(/<img|<script|https?:\/\//);
    const tables = html.match(/<table[^>]*>/g) ?? [];
    expect(tables.filter((table) => !table.includes('role="presentation"'))).toHaveLength(1);
    expect(html).toContain('<caption');
  });
});

test('each kind has its own subject', () => {
  const texts = ORDER_MAIL_KINDS.map((kind) => renderOrderMail(kind, data()));
  expect(texts.map(({ subject }) => subject.replace(/ \(.*/, ''))).toEqual([
    'Your order is confirmed',
    'Your payment was declined',
    'Your order could not be placed: insufficient stock',
    'Your order was cancelled',
  ]);
});

test('a cancelled order states the refund, that nothing was charged, or neither', () => {
  const bodies = (refundedMinor?: number) => {
    const mail = renderOrderMail(
      'order_cancelled',
      data(refundedMinor === undefined ? {} : { refundedMinor }),
    );
    return [mail.html.replace(/<[^>]+>/g, ''), mail.text];
  };
  for (const body of bodies(83290)) expect(body).toMatch(/We have refunded €832\.90/);
  for (const body of bodies(0)) expect(body).toContain('Nothing was charged.');
  for (const body of bodies()) expect(body).not.toMatch(/refunded|charged/);
});

test('includes the reason if there is one', () => {
  for (const kind of ['payment_declined', 'order_out_of_stock', 'order_cancelled'] as const) {
    const mail = renderOrderMail(kind, data({ reason: 'Only 1 left.' }));
    expect(mail.html).toContain('Only 1 left.');
    expect(mail.text).toContain('Only 1 left.');
  }
});

test('lists added tax as a row and included tax as a note', () => {
  const totals = { ...data().totals, taxIncluded: false, totalMinor: 96591 };
  const added = renderOrderMail('order_confirmed', data({ totals })).text;
  expect(added).toMatch(/^Tax: +€133\.01$/m);
  expect(added).not.toContain('includes');
  expect(renderOrderMail('order_confirmed', data()).text).toMatch(/^ +includes €133\.01 tax$/m);
});

test('formats amounts in the order currency', () => {
  const mail = renderOrderMail('order_confirmed', data({ currency: 'JPY' }));
  expect(mail.text).toContain('¥83,290');
});

test('links to the order as a button in HTML and a line in text, http(s) only', () => {
  const mail = renderOrderMail('order_confirmed', data({ orderUrl: 'https://shop.example/orders/1' }));
  expect(mail.html).toContain('href="https://shop.example/orders/1"');
  expect(mail.text).toContain('View your order: https://shop.example/orders/1');
  expect(() => renderOrderMail('order_confirmed', data({ orderUrl: 'javascript:alert(1)' }))).toThrow(
    RangeError,
  );
});
