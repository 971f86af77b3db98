import type { PlaceOrder } from '../../../api/orders/schemas';
import { type System, startSystem } from '../../harness/servers/system';
import { expectProblem, orderOf, type Problem } from './orders';

let system: System;
beforeAll(async () => {
  system = await startSystem({ dialect: 'sqlite' });
  await system.place(orderOf());
});
afterAll(() => system?.close());

/** Orders, payments, stock: what a refused request must leave as it was. */
const whatIsStored = async () => ({
  orders: (await system.orders()).map((order) => order.id),
  books: await system.totals(),
  stock: await system.stock('walnut-desk'),
});

let before: Awaited<ReturnType<typeof whatIsStored>>;
beforeEach(async () => {
  before = await whatIsStored();
});
afterEach(async () => {
  expect(await whatIsStored()).toEqual(before);
});

const good = orderOf();
const item = (fields: Record<string, unknown>) => ({ ...good, items: [{ ...good.items[0], ...fields }] });
const customer = (fields: Record<string, unknown>) => ({
  ...good,
  customer: { ...good.customer, ...fields },
});
const address = (fields: Record<string, unknown>) => ({
  ...good,
  shippingAddress: { ...good.shippingAddress, ...fields },
});
const without = (name: keyof PlaceOrder) =>
  Object.fromEntries(Object.entries(good).filter(([key]) => key !== name));

test.each<[what: string, body: unknown, pointer: string]>([
  ['a price of the client', item({ price: 1 }), '/items/0/price'],
  ['a unit price of the client', item({ unitPrice: { amount: 1, currency: 'EUR' } }), '/items/0/unitPrice'],
  ['a total of the client', { ...good, total: { amount: 1, currency: 'EUR' } }, '/total'],
  ['an unknown field', { ...good, note: 'hi' }, '/note'],
  ['a name with a slash', { ...good, 'a/b~c': 1 }, '/a~1b~0c'],
  ['a status of the client', { ...good, status: 'confirmed' }, '/status'],
  ['an id of a customer', { ...good, customerId: 'cus_1' }, '/customerId'],
  ['no items', without('items'), '/items'],
  ['an empty list of items', { ...good, items: [] }, '/items'],
  ['101 items', { ...good, items: Array.from({ length: 101 }, () => good.items[0]) }, '/items'],
  ['items that are no list', { ...good, items: 'walnut-desk' }, '/items'],
  ['an item that is null', { ...good, items: [null] }, '/items/0'],
  ['quantity 0', item({ quantity: 0 }), '/items/0/quantity'],
  ['quantity -1', item({ quantity: -1 }), '/items/0/quantity'],
  ['quantity 1.5', item({ quantity: 1.5 }), '/items/0/quantity'],
  ['quantity 1e9', item({ quantity: 1e9 }), '/items/0/quantity'],
  ['a quantity that is text', item({ quantity: '1' }), '/items/0/quantity'],
  ['a quantity that is true', item({ quantity: true }), '/items/0/quantity'],
  ['a sku that is a number', item({ sku: 7 }), '/items/0/sku'],
  ['a sku that is SQL', item({ sku: "x' OR 1=1 --" }), '/items/0/sku'],
  ['no customer', without('customer'), '/customer'],
  ['no address of mail', customer({ email: 'ada' }), '/customer/email'],
  [
    'an address of mail with a line break',
    customer({ email: 'a@b.example\r\nBcc: c@d.example' }),
    '/customer/email',
  ],
  ['two addresses of mail', customer({ email: 'a@b.example,c@d.example' }), '/customer/email'],
  ['a name with a line break', customer({ name: 'Ada\r\nBcc: x@y.example' }), '/customer/name'],
  ['a name with NUL', customer({ name: 'Ada\u0000' }), '/customer/name'],
  ['a name that runs backwards', customer({ name: 'Ada \u202Enoryb' }), '/customer/name'],
  ['a blank name', customer({ name: '   ' }), '/customer/name'],
  ['a name of 201 characters', customer({ name: 'a'.repeat(201) }), '/customer/name'],
  ['a city with a tab', address({ city: 'Ber\tlin' }), '/shippingAddress/city'],
  ['a country in small letters', address({ country: 'de' }), '/shippingAddress/country'],
  ['a country that is a list', address({ country: ['DE'] }), '/shippingAddress/country'],
  ['a card number for a method', { ...good, payment: { method: '4242424242424242' } }, '/payment/method'],
  ['a secret beside the method', { ...good, payment: { ...good.payment, cvc: '123' } }, '/payment/cvc'],
  ['a body that is a list', [good], ''],
])('%s is refused with 400 that points at it', async (_what, body, pointer) => {
  const { errors } = expectProblem(await system.place<Problem>(body), 400, 'invalid_request');
  expect(errors?.map((error) => error.pointer)).toContain(pointer);
});

test('a product that does not exist is refused with 400 that names the line', async () => {
  const body = orderOf({ 'walnut-desk': 1, 'no-such-thing': 1 });
  const { errors } = expectProblem(await system.place(body), 400, 'unknown_sku');
  expect(errors).toEqual([{ pointer: '/items/1/sku', detail: expect.stringContaining('no-such-thing') }]);
});

test('an order that no payment could take is refused with 400', async () => {
  const { errors } = expectProblem(
    await system.place(orderOf({ 'limited-1': 10_000 })),
    400,
    'invalid_request',
  );
  expect(errors?.map((error) => error.pointer)).toEqual(['/items']);
});

test.each(['{"__proto__": {"isAdmin": true}, ', '{"constructor": {"prototype": {"isAdmin": true}}, '])(
  'a body that reaches for prototypes is refused: %s',
  async (start) => {
    const raw = start + JSON.stringify(good).slice(1);
    const answer = await system.api<Problem>('/api/orders', {
      raw,
      headers: { 'content-type': 'application/json' },
    });
    expectProblem(answer, 400, 'invalid_request');
  },
);

test.each<[what: string, raw: string]>([
  ['cut off', '{"items": ['],
  ['a bare word', 'yes'],
  ['a bare string', '"order"'],
  ['null', 'null'],
  ['two values', '{}{}'],
  ['a comment', '{} // none'],
])('a body that is not a JSON object (%s) is refused with 400', async (_what, raw) => {
  const headers = { 'content-type': 'application/json' };
  expectProblem(await system.api('/api/orders', { raw, headers }), 400, 'malformed_json');
});

test('an empty body is refused with 400 that names what is missing', async () => {
  const { errors } = expectProblem(
    await system.api('/api/orders', { method: 'POST' }),
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

test.each<[what: string, headers: Record<string, string>]>([
  ['no content type', {}],
  ['text/plain', { 'content-type': 'text/plain' }],
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
  ['an unknown encoding', { 'content-type': 'application/json', 'content-encoding': 'zstd-2' }],
  ['another charset', { 'content-type': 'application/json; charset=iso-8859-1' }],
])('a body sent as %s is refused with 415', async (_what, headers) => {
  const answer = await system.api('/api/orders', { raw: JSON.stringify(good), headers });
  expectProblem(answer, 415, 'unsupported_media_type');
});

test('a huge body is refused with 413', async () => {
  const answer = await system.place({ ...good, note: 'x'.repeat(200_000) });
  expectProblem(answer, 413, 'payload_too_large');
});

test('deep nesting and many unknown fields are refused with 400, briefly', async () => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
  const headers = { 'content-type': 'application/json' };
  const nested = await system.api('/api/orders', { raw: `{"items": ${deep}}`, headers });
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`f${i}`, 1]));
  const wide = await system.place({ ...good, ...many });

  expectProblem(nested, 400, 'invalid_request');
  expectProblem(wide, 400, 'invalid_request');
  expect(wide.text.length).toBeLessThan(10_000);
});

test('an id of a request is taken over when it is one, and replaced when it is not', async () => {
  const answer = (id: string) => system.api('/api/orders/ord_x', { headers: { 'x-request-id': id } });
  expect((await answer('abc-123_X')).headers['x-request-id']).toBe('abc-123_X');
  expect((await answer('{"evil": 1}')).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  expectProblem(await answer('abc-123_X'), 404, 'not_found');
});

test.each([
  '/api/orders/ord_00000000000000000000000000',
  '/api/orders/1',
  '/api/nothing',
  '/api/products/no-such',
])('%s is answered with 404', async (path) => {
  const { instance } = expectProblem(await system.api(path), 404, 'not_found');
  expect(instance).toBe(path);
});

test('an address that cannot be decoded is answered with 400', async () => {
  expectProblem(await system.api('/api/orders/%E0%A4%A'), 400, 'invalid_request');
});

test.each([
  ['DELETE', '/api/orders', 'POST, GET, HEAD'],
  ['PUT', '/api/orders/ord_00000000000000000000000000', 'GET, HEAD'],
  ['GET', '/api/orders/ord_00000000000000000000000000/cancel', 'POST'],
  ['POST', '/healthz', 'GET, HEAD'],
])('%s %s is answered with 405 and what can be asked for', async (method, path, allow) => {
  const answer = await system.api(path, { method });
  expectProblem(answer, 405, 'method_not_allowed');
  expect(answer.headers.allow).toBe(allow);
});

test('HEAD is answered like GET, without a body', async () => {
  const path = `/api/orders/${before.orders[0]}`;
  const get = await system.api(path);
  const head = await system.api(path, { method: 'HEAD' });
  expect([head.status, head.text]).toEqual([200, '']);
  expect(head.headers.etag).toBe(get.headers.etag);
  expect(head.headers['content-length']).toBe(get.headers['content-length']);
});
