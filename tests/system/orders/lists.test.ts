import type { z } from 'zod';
import type { Product } from '../../../api/catalogue/schemas';
import type { InventoryItem } from '../../../api/inventory/schemas';
import type { Order, OrderSummary } from '../../../api/orders/schemas';
import { PRODUCTS } from '../../../db/seeds/catalogue';
import { DIALECTS } from '../../harness/servers/databases';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, DECLINED_CARD, expectProblem, generateEmail, type Problem } from './orders';

interface Page<T> {
  data: T[];
  nextCursor: string | null;
}

const toIds = (orders: readonly { id: string }[]) => orders.map((order) => order.id);

describe.each(DIALECTS)('lists on %s', (dialect) => {
  let system: System;
  const email = generateEmail();
  /** Orders of one customer, oldest first. */
  const customerOrders: Order[] = [];
  beforeAll(async () => {
    system = await startSystem({ dialect });
    for (let n = 0; n < 5; n += 1)
      customerOrders.push((await system.placeOrder(buildOrderRequest(undefined, { email }))).body);
    for (let n = 0; n < 3; n += 1) await system.placeOrder(buildOrderRequest());
    await system.placeOrder(buildOrderRequest(undefined, { method: DECLINED_CARD }));
    const cancel = { method: 'POST', headers: { prefer: 'wait=20' } };
    await system.request(`/api/orders/${customerOrders[0]?.id}/cancel`, cancel);
  });
  afterAll(() => system?.close());

  const list = async (query: string) => {
    const { status, body, text } = await system.request<Page<OrderSummary>>(`/api/orders?${query}`);
    expect({ status, text }).toEqual({ status: 200, text });
    return body;
  };

  test('lists orders newest first, equal to the single resources', async () => {
    const { data, nextCursor } = await list('');
    expect(nextCursor).toBeNull();
    expect(data).toHaveLength(9);
    expect(toIds(data)).toEqual(toIds(data).toSorted().reverse());
    for (const summary of data) expect(await system.getOrder(summary.id)).toMatchObject(summary);
  });

  test('filters by customer', async () => {
    const { data } = await list(`customerId=${customerOrders[0]?.customerId}`);
    expect(toIds(data)).toEqual(toIds(customerOrders).toReversed());
    expect((await list('customerId=cus_00000000000000000000000000')).data).toEqual([]);
  });

  test('filters by status', async () => {
    expect(toIds((await list('status=cancelled')).data)).toEqual([customerOrders[0]?.id]);
    expect((await list('status=rejected')).data).toHaveLength(1);
    expect((await list('status=confirmed')).data).toHaveLength(7);
    expect((await list(`status=confirmed&customerId=${customerOrders[0]?.customerId}`)).data).toHaveLength(4);
  });

  test('filters by time of placement: from is inclusive, to is exclusive, with time zones', async () => {
    const [, second, third, fourth] = customerOrders;
    const between = await list(`from=${second?.placedAt}&to=${fourth?.placedAt}`);
    expect(toIds(between.data)).toEqual([third?.id, second?.id]);
    const berlin = new Date(Date.parse(fourth?.placedAt ?? '') + 3_600_000)
      .toISOString()
      .replace('Z', '%2B01:00');
    expect(toIds((await list(`from=${berlin}&customerId=${fourth?.customerId}`)).data)).toHaveLength(2);
    expect((await list(`from=2999-01-01T00:00:00Z`)).data).toEqual([]);
  });

  test('cursors list all orders without gaps or repeats while new ones are placed', async () => {
    const before = toIds((await list('limit=100')).data);
    const listed: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<OrderSummary> = await list(`limit=2${cursor === null ? '' : `&cursor=${cursor}`}`);
      expect(page.data.length).toBeLessThanOrEqual(2);
      listed.push(...toIds(page.data));
      cursor = page.nextCursor;
      await system.placeOrder(buildOrderRequest());
    } while (cursor !== null);
    expect(listed).toEqual(before);
  });

  test('a full last page has no next cursor', async () => {
    const page = await list(`customerId=${customerOrders[0]?.customerId}&limit=5`);
    expect(page.data).toHaveLength(5);
    expect(page.nextCursor).toBeNull();
  });

  test.each([
    ['cursor=nonsense', 'cursor', 'invalid_cursor'],
    ['cursor=', 'cursor', 'invalid_cursor'],
    [`cursor=${Buffer.from("v1:x' OR 1=1").toString('base64url')}`, 'cursor', 'invalid_cursor'],
    ['limit=0', 'limit', 'invalid_request'],
    ['limit=101', 'limit', 'invalid_request'],
    ['limit=-1', 'limit', 'invalid_request'],
    ['limit=1.5', 'limit', 'invalid_request'],
    ['limit=ten', 'limit', 'invalid_request'],
    ['limit=1&limit=2', 'limit', 'invalid_request'],
    ['status=paid', 'status', 'invalid_request'],
    ['status=confirmed&status=placed', 'status', 'invalid_request'],
    ['customerId=1', 'customerId', 'invalid_request'],
    ['from=yesterday', 'from', 'invalid_request'],
    ['to=2026-02-30T00:00:00Z', 'to', 'invalid_request'],
    ['page=2', 'page', 'invalid_request'],
    ['__proto__=1', '__proto__', 'invalid_request'],
  ])('returns 400 that names the parameter for ?%s', async (query, parameter, code) => {
    const { errors } = expectProblem(await system.request<Problem>(`/api/orders?${query}`), 400, code);
    expect(errors?.map((e) => e.pointer)).toEqual([parameter]);
  });

  test('does not allow cross-origin reads', async () => {
    const response = await system.request('/api/orders', { headers: { origin: 'https://evil.example' } });
    expect(response.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('lists all products and their stock by SKU with cursors', async () => {
    const skus = PRODUCTS.map((product) => product.sku).sort();

    const products = await system.listAll<z.infer<typeof Product>>('/api/products', 'limit=7');
    const inventory = await system.listAll<InventoryItem>('/api/inventory', 'limit=7');

    expect(products.map((p) => p.sku)).toEqual(skus);
    expect(inventory.map((i) => i.sku)).toEqual(skus);
    const desk = products.find((p) => p.sku === 'walnut-desk');
    expect(desk).toMatchObject({ name: 'Walnut desk', price: { amount: 41900, currency: 'EUR' } });
    expect((await system.request('/api/products/walnut-desk')).body).toEqual(desk);
    for (const item of inventory) {
      expect(item.available).toBe(item.onHand - item.reserved);
      expect(item.warehouses.reduce((sum, w) => sum + w.reserved, 0)).toBe(item.reserved);
    }
    expectProblem(await system.request(`/api/inventory?cursor=x`), 400, 'invalid_cursor');
    expectProblem(await system.request('/api/inventory/no-such'), 404, 'not_found');
  });

  test('a strongly consistent read from the workflow equals the stored order', async () => {
    for (const { id } of customerOrders.slice(0, 2)) {
      const strong = await system.request(`/api/orders/${id}?consistency=strong`);
      expect(strong.status).toBe(200);
      expect(strong.body).toEqual(await system.getOrder(id));
    }
    expectProblem(
      await system.request(`/api/orders/${customerOrders[0]?.id}?consistency=x`),
      400,
      'invalid_request',
    );
  });

  test('If-None-Match returns 304 for an unchanged order and 200 for a changed one', async () => {
    const path = `/api/orders/${customerOrders[4]?.id}`;
    const { headers } = await system.request(path);
    const ifNoneMatch = { 'if-none-match': headers.etag ?? '' };

    const unchanged = await system.request(path, { headers: ifNoneMatch });
    expect([unchanged.status, unchanged.text, unchanged.headers.etag]).toEqual([304, '', headers.etag]);
    expect(
      (await system.request(path, { headers: { 'if-none-match': `"0", W/${headers.etag}` } })).status,
    ).toBe(304);

    await system.request(`${path}/cancel`, { method: 'POST', headers: { prefer: 'wait=20' } });
    const changed = await system.request(path, { headers: ifNoneMatch });
    expect([changed.status, changed.body.status]).toEqual([200, 'cancelled']);
    expect(changed.headers.etag).not.toBe(headers.etag);
  });
});
