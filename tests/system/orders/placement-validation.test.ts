import type { PlaceOrderRequest } from '../../../api/orders/schemas';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, expectProblem, type Problem } from './orders';

let system: System;
beforeAll(async () => {
  system = await startSystem({ dialect: 'sqlite' });
  await system.placeOrder(buildOrderRequest());
});
afterAll(() => system?.close());

/** @returns orders, payments and stock, which a rejected request must not change. */
const snapshotState = async () => ({
  orders: (await system.listOrders()).map((order) => order.id),
  books: await system.getTotals(),
  stock: await system.getStock('walnut-desk'),
});

let initialState: Awaited<ReturnType<typeof snapshotState>>;
beforeEach(async () => {
  initialState = await snapshotState();
});
afterEach(async () => {
  expect(await snapshotState()).toEqual(initialState);
});

const validOrder = buildOrderRequest();
const withItem = (fields: Record<string, unknown>) => ({
  ...validOrder,
  items: [{ ...validOrder.items[0], ...fields }],
});
const withCustomer = (fields: Record<string, unknown>) => ({
  ...validOrder,
  customer: { ...validOrder.customer, ...fields },
});
const withAddress = (fields: Record<string, unknown>) => ({
  ...validOrder,
  shippingAddress: { ...validOrder.shippingAddress, ...fields },
});
const withoutField = (name: keyof PlaceOrderRequest) =>
  Object.fromEntries(Object.entries(validOrder).filter(([key]) => key !== name));

test.each<[label: string, body: unknown, pointer: string]>([
  ['a client price', withItem({ price: 1 }), '/items/0/price'],
  ['a client unit price', withItem({ unitPrice: { amount: 1, currency: 'EUR' } }), '/items/0/unitPrice'],
  ['a client total', { ...validOrder, total: { amount: 1, currency: 'EUR' } }, '/total'],
  ['an unknown field', { ...validOrder, note: 'hi' }, '/note'],
  ['an unknown field with a slash', { ...validOrder, 'a/b~c': 1 }, '/a~1b~0c'],
  ['a client status', { ...validOrder, status: 'confirmed' }, '/status'],
  ['a customer id', { ...validOrder, customerId: 'cus_1' }, '/customerId'],
  ['no items', withoutField('items'), '/items'],
  ['an empty list of items', { ...validOrder, items: [] }, '/items'],
  ['101 items', { ...validOrder, items: Array.from({ length: 101 }, () => validOrder.items[0]) }, '/items'],
  ['items that are not a list', { ...validOrder, items: 'walnut-desk' }, '/items'],
  ['an item that is null', { ...validOrder, items: [null] }, '/items/0'],
  ['quantity 0', withItem({ quantity: 0 }), '/items/0/quantity'],
  ['quantity -1', withItem({ quantity: -1 }), '/items/0/quantity'],
  ['quantity 1.5', withItem({ quantity: 1.5 }), '/items/0/quantity'],
  ['quantity 1e9', withItem({ quantity: 1e9 }), '/items/0/quantity'],
  ['a quantity that is a string', withItem({ quantity: '1' }), '/items/0/quantity'],
  ['a quantity that is true', withItem({ quantity: true }), '/items/0/quantity'],
  ['a SKU that is a number', withItem({ sku: 7 }), '/items/0/sku'],
  ['a SKU that is SQL', withItem({ sku: "x' OR 1=1 --" }), '/items/0/sku'],
  ['no customer', withoutField('customer'), '/customer'],
  ['an invalid email address', withCustomer({ email: 'ada' }), '/customer/email'],
  [
    'an email address with a line break',
    withCustomer({ email: 'a@b.example\r\nBcc: c@d.example' }),
    '/customer/email',
  ],
  ['two email addresses', withCustomer({ email: 'a@b.example,c@d.example' }), '/customer/email'],
  ['a name with a line break', withCustomer({ name: 'Ada\r\nBcc: x@y.example' }), '/customer/name'],
  ['a name with NUL', withCustomer({ name: 'Ada\u0000' }), '/customer/name'],
  ['a name with a bidirectional override', withCustomer({ name: 'Ada \u202Enoryb' }), '/customer/name'],
  ['a blank name', withCustomer({ name: '   ' }), '/customer/name'],
  ['a name of 201 characters', withCustomer({ name: 'a'.repeat(201) }), '/customer/name'],
  ['a city with a tab', withAddress({ city: 'Ber\tlin' }), '/shippingAddress/city'],
  ['a lower-case country', withAddress({ country: 'de' }), '/shippingAddress/country'],
  ['a country that is a list', withAddress({ country: ['DE'] }), '/shippingAddress/country'],
  [
    'a card number as payment method',
    { ...validOrder, payment: { method: '4242424242424242' } },
    '/payment/method',
  ],
  [
    'a secret beside the method',
    { ...validOrder, payment: { ...validOrder.payment, cvc: '123' } },
    '/payment/cvc',
  ],
  ['a body that is a list', [validOrder], ''],
])('returns 400 that names the field for %s', async (_label, body, pointer) => {
  const { errors } = expectProblem(await system.placeOrder<Problem>(body), 400, 'invalid_request');
  expect(errors?.map((error) => error.pointer)).toContain(pointer);
});

test('returns 400 that names the line for an unknown product', async () => {
  const body = buildOrderRequest({ 'walnut-desk': 1, 'no-such-thing': 1 });
  const { errors } = expectProblem(await system.placeOrder(body), 400, 'unknown_sku');
  expect(errors).toEqual([{ pointer: '/items/1/sku', detail: expect.stringContaining('no-such-thing') }]);
});

test('returns 400 for an order whose total exceeds the payment limit', async () => {
  const { errors } = expectProblem(
    await system.placeOrder(buildOrderRequest({ 'limited-1': 10_000 })),
    400,
    'invalid_request',
  );
  expect(errors?.map((error) => error.pointer)).toEqual(['/items']);
});

test.each(['{"__proto__": {"isAdmin": true}, ', '{"constructor": {"prototype": {"isAdmin": true}}, '])(
  'rejects a body that pollutes prototypes: %s',
  async (prefix) => {
    const raw = prefix + JSON.stringify(validOrder).slice(1);
    const response = await system.request<Problem>('/api/orders', {
      raw,
      headers: { 'content-type': 'application/json' },
    });
    expectProblem(response, 400, 'invalid_request');
  },
);

test.each<[label: string, raw: string]>([
  ['truncated', '{"items": ['],
  ['a bare word', 'yes'],
  ['a bare string', '"order"'],
  ['null', 'null'],
  ['two values', '{}{}'],
  ['a comment', '{} // none'],
])('returns 400 for a body that is not a JSON object (%s)', async (_label, raw) => {
  const headers = { 'content-type': 'application/json' };
  expectProblem(await system.request('/api/orders', { raw, headers }), 400, 'malformed_json');
});

test('returns 400 that names the missing fields for an empty body', async () => {
  const { errors } = expectProblem(
    await system.request('/api/orders', { method: 'POST' }),
    400,
    'invalid_request',
  );
  expect(errors?.map((error) => error.pointer)).toEqual([
    '/items',
    '/customer',
    '/shippingAddress',
    '/payment',
  ]);
});

test.each<[label: string, headers: Record<string, string>]>([
  ['no content type', {}],
  ['text/plain', { 'content-type': 'text/plain' }],
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
  ['an unknown encoding', { 'content-type': 'application/json', 'content-encoding': 'zstd-2' }],
  ['another charset', { 'content-type': 'application/json; charset=iso-8859-1' }],
])('returns 415 for a body with %s', async (_label, headers) => {
  const response = await system.request('/api/orders', { raw: JSON.stringify(validOrder), headers });
  expectProblem(response, 415, 'unsupported_media_type');
});

test('returns 413 for a body above the size limit', async () => {
  const response = await system.placeOrder({ ...validOrder, note: 'x'.repeat(200_000) });
  expectProblem(response, 413, 'payload_too_large');
});

test('returns a short 400 for deep nesting and for many unknown fields', async () => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  const headers = { 'content-type': 'application/json' };
  const nested = await system.request('/api/orders', { raw: `{"items": ${deep}}`, headers });
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`f${i}`, 1]));
  const wide = await system.placeOrder({ ...validOrder, ...many });

  expectProblem(nested, 400, 'invalid_request');
  expectProblem(wide, 400, 'invalid_request');
  expect(wide.text.length).toBeLessThan(10_000);
});

test('returns a valid X-Request-Id of the client and replaces an invalid one', async () => {
  const requestWithId = (id: string) =>
    system.request('/api/orders/ord_x', { headers: { 'x-request-id': id } });
  expect((await requestWithId('abc-123_X')).headers['x-request-id']).toBe('abc-123_X');
  expect((await requestWithId('{"evil": 1}')).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  expectProblem(await requestWithId('abc-123_X'), 404, 'not_found');
});

test.each([
  '/api/orders/ord_00000000000000000000000000',
  '/api/orders/1',
  '/api/nothing',
  '/api/products/no-such',
])('returns 404 for %s', async (path) => {
  const { instance } = expectProblem(await system.request(path), 404, 'not_found');
  expect(instance).toBe(path);
});

test('returns 400 for a path that cannot be decoded', async () => {
  expectProblem(await system.request('/api/orders/%E0%A4%A'), 400, 'invalid_request');
});

test.each([
  ['DELETE', '/api/orders', 'POST, GET, HEAD'],
  ['PUT', '/api/orders/ord_00000000000000000000000000', 'GET, HEAD'],
  ['GET', '/api/orders/ord_00000000000000000000000000/cancel', 'POST'],
  ['POST', '/healthz', 'GET, HEAD'],
])('%s %s returns 405 with the allowed methods', async (method, path, allow) => {
  const response = await system.request(path, { method });
  expectProblem(response, 405, 'method_not_allowed');
  expect(response.headers.allow).toBe(allow);
});

test('HEAD returns the headers of GET without a body', async () => {
  const path = `/api/orders/${initialState.orders[0]}`;
  const get = await system.request(path);
  const head = await system.request(path, { method: 'HEAD' });
  expect([head.status, head.text]).toEqual([200, '']);
  expect(head.headers.etag).toBe(get.headers.etag);
  expect(head.headers['content-length']).toBe(get.headers['content-length']);
});
