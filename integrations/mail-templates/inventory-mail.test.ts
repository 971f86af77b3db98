import { type InventoryMailData, renderInventoryMail } from './inventory-mail';

const data = (changes: Partial<InventoryMailData> = {}): InventoryMailData => ({
  sku: 'walnut-desk',
  productName: 'Walnut desk',
  available: 3,
  threshold: 5,
  shopName: 'Durable Goods',
  ...changes,
});

test('names product, units and threshold in both formats and has no links', () => {
  const { subject, html, text } = renderInventoryMail('inventory_low', data());
  expect(subject).toBe('Low stock: Walnut desk (walnut-desk)');
  for (const body of [html.replace(/<[^>]+>/g, ''), text]) {
    for (const part of [
      'Walnut desk',
      'walnut-desk',
      '3 units available',
      'threshold is 5 units',
      'Durable Goods',
    ]) {
      expect(body).toContain(part);
    }
    expect(body).not.toMatch(/undefined|null|NaN|\[object|Order/);
  }
  expect(html + text).not.toMatch(/href=|https?:\/\//);
  expect(html).toMatch(/^<!doctype html>\s*<html lang="en"/);
});

test('escapes HTML, not text, and keeps names on one line', () => {
  const hostile = `<script>alert("1")</script>\r\nBcc: x & 'co'`;
  const { subject, html, text } = renderInventoryMail(
    'inventory_low',
    data({ productName: hostile, shopName: hostile }),
  );
  expect(html).not.toContain('<script');
  expect(html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; Bcc: x &amp; &#39;co&#39;');
  expect(text).toContain(`<script>alert("1")</script> Bcc: x & 'co'`);
  expect(subject).not.toMatch(/[\r\n]/);
});
