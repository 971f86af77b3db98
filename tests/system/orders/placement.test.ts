import type { z } from 'zod';
import type { Money } from '../../../api/http/field-schemas';
import type { Order, OrderSummary, PendingOrder } from '../../../api/orders/schemas';
import { DIALECTS } from '../../harness/servers/databases';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, DECLINED_CARD, expectProblem, generateEmail, type Problem } from './orders';

describe.each(DIALECTS)('placing orders on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect });
  });
  afterAll(() => system?.close());

  test('returns 201 with the order for available stock and a valid payment method', async () => {
    const before = await system.getStock('walnut-desk');

    const response = await system.placeOrder({
      items: [{ sku: 'walnut-desk', quantity: 1 }],
      customer: { email: 'ada@example.com', name: 'Ada Byron' },
      shippingAddress: {
        name: 'Ada Byron',
        line1: '1 Main St',
        city: 'Berlin',
        postalCode: '10115',
        country: 'DE',
      },
      payment: { method: 'pm_card_visa' },
    });

    const { id } = response.body;
    expect(response.status).toBe(201);
    expect(id).toMatch(/^ord_[0-9A-HJKMNP-TV-Z]{26}$/);
    expect(response.headers).toMatchObject({
      location: `/api/orders/${id}`,
      etag: `"${response.body.version}"`,
      'x-request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'content-type': 'application/json; charset=utf-8',
    });
    expect(response.body).toMatchObject({
      status: 'confirmed',
      payment: 'paid',
      fulfilment: 'unfulfilled',
      total: { amount: 41900, currency: 'EUR' },
      lines: [{ line: 1, sku: 'walnut-desk', quantity: 1, unitPrice: { amount: 41900, currency: 'EUR' } }],
      customer: { email: 'ada@example.com', name: 'Ada Byron', phone: null },
      shippingAddress: { city: 'Berlin', country: 'DE' },
      cancellation: null,
      rejection: null,
      attention: null,
      actions: { cancel: { allowed: true } },
    });
    expect((await system.request(`/api/orders/${id}`)).body).toEqual(response.body);
    expect(await system.getStock('walnut-desk')).toEqual({
      ...before,
      reserved: before.reserved + 1,
      available: before.available - 1,
    });
    expect(await system.listIntents(id)).toEqual([
      expect.objectContaining({ status: 'succeeded', amount_captured: 41900, amount_refunded: 0 }),
    ]);
  });

  test('the totals of several lines add up, and the captured amount is the total', async () => {
    const { body } = await system.placeOrder(
      buildOrderRequest({ 'desk-mat': 3, 'tea-assam': 2, 'gift-card-25': 1 }),
    );

    const sum = (getAmount: (line: Order['lines'][number]) => z.infer<typeof Money>) =>
      body.lines.reduce((total, line) => total + getAmount(line).amount, 0);
    expect(body.subtotal.amount).toBe(3 * 3900 + 2 * 990 + 2500);
    expect(sum((l) => l.total)).toBe(body.subtotal.amount - body.discount.amount);
    expect(body.taxIncluded).toBe(true);
    expect(body.total.amount).toBe(body.subtotal.amount - body.discount.amount + body.shipping.amount);
    expect(body.tax.amount).toBeGreaterThanOrEqual(sum((l) => l.tax));
    const captured = (await system.listIntents(body.id)).map((intent) => intent.amount_captured);
    expect(captured).toEqual([body.total.amount]);
  });

  test('charges shipping below the free-shipping threshold', async () => {
    const { body } = await system.placeOrder(buildOrderRequest({ 'tea-assam': 1 }));
    expect([body.subtotal.amount, body.shipping.amount, body.total.amount]).toEqual([990, 490, 1480]);
  });

  test('returns 402 for a declined card and stores only the rejected order', async () => {
    const before = await system.getStock('walnut-desk');

    const response = await system.placeOrder<Problem>(
      buildOrderRequest({ 'walnut-desk': 2 }, { method: DECLINED_CARD }),
    );

    const { orderId } = expectProblem(response, 402, 'payment_declined');
    expect(response.headers.location).toBe(`/api/orders/${String(orderId)}`);
    expect(await system.getOrder(String(orderId))).toMatchObject({
      status: 'rejected',
      payment: 'failed',
      rejection: { code: 'payment_declined' },
      actions: { cancel: { allowed: false } },
    });
    expect(await system.getStock('walnut-desk')).toEqual(before);
    expect(await system.listIntents(String(orderId))).toEqual([
      expect.objectContaining({ status: 'canceled', amount_captured: 0 }),
    ]);
  });

  test('returns 409 that names the lines for an order that exceeds the stock, and reserves no line', async () => {
    const before = await system.getStock('walnut-desk');

    const response = await system.placeOrder<Problem>(
      buildOrderRequest({ 'walnut-desk': 1, 'limited-1': 2 }),
    );

    const { orderId, errors } = expectProblem(response, 409, 'out_of_stock');
    expect(errors).toEqual([
      {
        pointer: '/items/1/quantity',
        detail: expect.any(String),
        sku: 'limited-1',
        requested: 2,
        available: 1,
      },
    ]);
    expect(await system.getOrder(String(orderId))).toMatchObject({ status: 'rejected', payment: 'none' });
    expect(await system.getStock('walnut-desk')).toEqual(before);
    expect(await system.listIntents(String(orderId))).toEqual([]);
  });

  test('two lines of one SKU are reserved and paid together and checked together against the stock', async () => {
    const buildTwoLines = (sku: string) => ({
      ...buildOrderRequest(),
      items: [
        { sku, quantity: 1 },
        { sku, quantity: 1 },
      ],
    });
    const before = await system.getStock('oak-desk');

    const { body } = await system.placeOrder(buildTwoLines('oak-desk'));
    const rejected = await system.placeOrder<Problem>(buildTwoLines('limited-1'));

    expect(body).toMatchObject({ status: 'confirmed', total: { amount: 2 * 38900 } });
    expect((await system.getStock('oak-desk')).reserved).toBe(before.reserved + 2);
    expectProblem(rejected, 409, 'out_of_stock');
    expect((await system.getStock('limited-1')).reserved).toBe(0);
  });

  test('respond-async returns 202 at once with the location of the order', async () => {
    await system.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_000 });

    const response = await system.placeOrder<z.infer<typeof PendingOrder>>(buildOrderRequest(), {
      prefer: 'respond-async',
    });

    const { id } = response.body;
    expect(response.status).toBe(202);
    expect(response.headers).toMatchObject({
      location: `/api/orders/${id}`,
      'preference-applied': 'respond-async',
    });
    expect(response.body).toMatchObject({ status: 'placed', links: { self: `/api/orders/${id}` } });
    expect((await system.getOrder(id)).status).toBe('placed');
    expect(await system.waitForStatus(id, 'confirmed')).toMatchObject({ payment: 'paid' });
  });

  test.each([0, 1])('wait=%i limits the wait for the decision, and the order continues', async (seconds) => {
    await system.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_500 });

    const response = await system.placeOrder(buildOrderRequest(), { prefer: `wait=${seconds}` });

    expect(response.status).toBe(202);
    expect(response.headers['preference-applied']).toBe(`wait=${seconds}`);
    expect(await system.waitForStatus(response.body.id, 'confirmed')).toMatchObject({ payment: 'paid' });
  });

  test('returns 201 for a decision within the wait', async () => {
    const response = await system.placeOrder(buildOrderRequest(), { prefer: 'wait=20' });
    expect(response.status).toBe(201);
    expect(response.headers['preference-applied']).toBe('wait=20');
  });

  test('orders belong to one customer, whatever the case and spacing of the email address', async () => {
    const email = generateEmail();
    const first = await system.placeOrder(buildOrderRequest(undefined, { email }));
    const second = await system.placeOrder(
      buildOrderRequest(undefined, { email: ` ${email.toUpperCase()} ` }),
    );
    expect(second.body.customerId).toBe(first.body.customerId);
    const listed: OrderSummary[] = await system.listOrders(`&customerId=${first.body.customerId}`);
    expect(listed.map((o) => o.id)).toEqual([second.body.id, first.body.id]);
  });
});
