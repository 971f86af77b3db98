import type { Product } from '../../../api/catalogue/schemas';
import { productId } from '../../../domain/shared/ids';
import { DIALECTS } from '../../harness/servers/databases';
import { createMachineToken } from '../../harness/servers/machine-token';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, expectProblem, type Problem } from '../orders/orders';
import { buildProduct, createProductViaApi, listEvents, putProduct, toReplacement } from './catalogue';

interface Page {
  data: Product[];
  nextCursor: string | null;
}

const UNAUTHENTICATED = { authorization: '' };

describe.each(DIALECTS)('products on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect });
  });
  afterAll(() => system?.close());

  const getProduct = (sku: string, query = '') => system.request<Product>(`/api/products/${sku}${query}`);
  const search = async (query: string): Promise<Page> => {
    const { status, body, text } = await system.request<Page>(`/api/products?${query}`, {
      headers: UNAUTHENTICATED,
    });
    expect({ status, text }).toEqual({ status: 200, text });
    return body;
  };

  test('a created product can be read, searched and ordered, and has an event', async () => {
    const body = buildProduct({
      name: ' Häkelkorb Ørsted ',
      description: 'Two lines\nof words.',
      imageUrl: 'https://images.example/korb.webp',
      attributes: { Farbe: 'moosgrün' },
    });
    const created = await system.request<Product>('/api/products', { body });
    expect(created.status).toBe(201);
    expect(created.headers).toMatchObject({ location: `/api/products/${body.sku}`, etag: '"1"' });
    expect(created.body).toEqual({
      ...body,
      name: 'Häkelkorb Ørsted',
      version: 1,
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    const stored = await getProduct(body.sku);
    expect([stored.body, stored.headers.etag]).toEqual([created.body, '"1"']);
    expect((await search('q=MOOSGRUN%20hakel')).data).toEqual([created.body]);
    expectProblem(await system.placeOrder(buildOrderRequest({ [body.sku]: 1 })), 409, 'out_of_stock');

    const [event, ...otherEvents] = await listEvents(system, productId(body.sku));
    expect(otherEvents).toEqual([]);
    expect(event).toMatchObject({
      type: 'ProductCreated',
      topic: 'catalogue-events',
      subject: productId(body.sku),
      actor: system.machineActor,
      data: { version: 1, product: { sku: body.sku, unitPriceMinor: 12_900, currency: 'EUR' } },
    });
  });

  test('a SKU is unique, also when its product is no longer sold', async () => {
    const product = await createProductViaApi(system);
    const duplicate = { body: buildProduct({ sku: product.sku, name: 'Another' }) };
    const problem = expectProblem(await system.request('/api/products', duplicate), 409, 'sku_taken');
    expect(problem.sku).toBe(product.sku);
    const deactivation = { method: 'DELETE', headers: { 'if-match': '"1"' } };
    expect((await system.request(`/api/products/${product.sku}`, deactivation)).status).toBe(204);
    expectProblem(await system.request('/api/products', duplicate), 409, 'sku_taken');
  });

  test('one of several concurrent creations of a SKU succeeds', async () => {
    const body = buildProduct();
    const responses = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        system.request('/api/products', { body: { ...body, name: `Lamp ${n}` } }),
      ),
    );
    expect(responses.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
    expect(await listEvents(system, productId(body.sku))).toHaveLength(1);
  });

  test('a change requires the current version: 428 without If-Match, 412 with another version', async () => {
    const product = await createProductViaApi(system);
    const change = { name: 'Steel lamp' };
    expectProblem(await putProduct(system, product, change, ''), 428, 'precondition_required');
    for (const tag of ['"2"', '"01"', 'W/"1"', '"x", "3"']) {
      expectProblem(await putProduct(system, product, change, tag), 412, 'precondition_failed');
    }
    const malformed = expectProblem(await putProduct(system, product, change, '1'), 400, 'invalid_request');
    expect(malformed.errors?.map((e) => e.pointer)).toEqual(['If-Match']);
    expect((await getProduct(product.sku)).body).toEqual(product);

    const changed = await putProduct(system, product, change, '"7", "1"');
    expect([changed.status, changed.headers.etag, changed.body.version]).toEqual([200, '"2"', 2]);
    expect((await getProduct(product.sku)).body).toEqual({ ...changed.body, name: 'Steel lamp' });
    expect((await search('q=steel')).data.map((p) => p.sku)).toContain(product.sku);
    expect((await search('q=brass')).data.map((p) => p.sku)).not.toContain(product.sku);
    expectProblem(await putProduct(system, { ...product, sku: 'no-such' }), 404, 'not_found');
  });

  test('one of several concurrent changes of a version succeeds, and its event has the old and the new price', async () => {
    const product = await createProductViaApi(system);
    const responses = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((n) => putProduct(system, product, { price: { amount: n, currency: 'EUR' } })),
    );
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412]);
    const { body } = await getProduct(product.sku);
    expect(body.version).toBe(2);
    const events = await listEvents(system, productId(product.sku));
    expect(events.map((e) => e.type)).toEqual(['ProductCreated', 'ProductUpdated']);
    expect(events[1]?.data).toEqual({
      sku: product.sku,
      version: 2,
      changed: { unitPriceMinor: body.price.amount },
      oldUnitPriceMinor: 12_900,
      newUnitPriceMinor: body.price.amount,
      currency: 'EUR',
    });
  });

  test('a PUT without changes keeps the version', async () => {
    const product = await createProductViaApi(system, { attributes: { a: '1', b: '2' } });
    const { status, headers, body } = await putProduct(system, product, { attributes: { b: '2', a: '1' } });
    expect([status, headers.etag, body]).toEqual([200, '"1"', product]);
    expect(await listEvents(system, productId(product.sku))).toHaveLength(1);
    const conditional = { headers: { 'if-none-match': '"1"' } };
    expect((await system.request(`/api/products/${product.sku}`, conditional)).status).toBe(304);
  });

  test('a deactivated product is hidden from customers and visible to catalogue staff', async () => {
    const product = await createProductViaApi(system, { name: 'Farewell lamp' });
    const path = `/api/products/${product.sku}`;
    expectProblem(await system.request(path, { method: 'DELETE' }), 428, 'precondition_required');
    const remove = { method: 'DELETE', headers: { 'if-match': '"1"' } };
    const removed = await system.request(path, remove);
    expect([removed.status, removed.headers.etag, removed.text]).toEqual([204, '"2"', '']);
    expectProblem(await system.request(path, remove), 412, 'precondition_failed');

    expectProblem(await getProduct(product.sku), 404, 'not_found');
    expect((await search('q=farewell')).data).toEqual([]);
    expectProblem(await system.placeOrder(buildOrderRequest({ [product.sku]: 1 })), 400, 'unknown_sku');
    for (const active of ['all', 'false']) {
      expect((await getProduct(product.sku, `?active=${active}`)).body).toMatchObject({
        active: false,
        version: 2,
      });
      const { body } = await system.request<Page>(`/api/products?active=${active}&limit=100`);
      expect(body.data.some((p) => p.sku === product.sku)).toBe(true);
      const matches = await system.request<Page>(`/api/products?active=${active}&q=farewell`);
      expect(matches.body.data.map((p) => p.sku)).toEqual([product.sku]);
    }
    const [, event] = await listEvents(system, productId(product.sku));
    expect(event).toMatchObject({ type: 'ProductDeactivated', data: { changed: { active: false } } });

    const reactivated = await putProduct(system, { ...product, version: 2 });
    expect(reactivated.body).toMatchObject({ active: true, version: 3 });
    expect((await getProduct(product.sku)).status).toBe(200);
  });

  test('changing the catalogue and reading deactivated products require the catalogue scope', async () => {
    const product = await createProductViaApi(system);
    const path = `/api/products/${product.sku}`;
    const { DATABASE_URL = '' } = system.env;
    const reader = await createMachineToken(system.env, DATABASE_URL, ['orders:read', 'inventory:write']);
    const callers: [Record<string, string>, number, string][] = [
      [UNAUTHENTICATED, 401, 'unauthenticated'],
      [{ authorization: `Bearer ${reader}` }, 403, 'forbidden'],
    ];
    for (const [headers, status, code] of callers) {
      const match = { ...headers, 'if-match': '"1"' };
      const requests = [
        system.request('/api/products', { headers, body: buildProduct() }),
        system.request(path, { headers: match, method: 'PUT', body: toReplacement(product) }),
        system.request(path, { headers: match, method: 'DELETE' }),
        system.request(`${path}?active=all`, { headers }),
        system.request('/api/products?active=false', { headers }),
      ];
      for (const response of await Promise.all(requests)) expectProblem(response, status, code);
      expect((await system.request(path, { headers })).status).toBe(200);
    }
    expect((await getProduct(product.sku)).body).toEqual(product);
  });

  test.each<[label: string, change: object, pointer: string]>([
    ['another currency', { price: { amount: 1, currency: 'USD' } }, '/price/currency'],
    ['a negative price', { price: { amount: -1, currency: 'EUR' } }, '/price/amount'],
    ['a fraction of a cent', { price: { amount: 0.5, currency: 'EUR' } }, '/price/amount'],
    ['a price above the maximum', { price: { amount: 100_000_000, currency: 'EUR' } }, '/price/amount'],
    ['an upper-case SKU', { sku: 'Lamp' }, '/sku'],
    ['the reserved SKU "imports"', { sku: 'imports' }, '/sku'],
    ['the reserved SKU "low"', { sku: 'low' }, '/sku'],
    ['a blank name', { name: '  ' }, '/name'],
    ['a name with a line break', { name: 'a\nb' }, '/name'],
    ['an unknown tax class', { taxClass: 'none' }, '/taxClass'],
    ['a negative weight', { weightGrams: -1 }, '/weightGrams'],
    ['a javascript: image URL', { imageUrl: 'javascript:alert(1)' }, '/imageUrl'],
    ['an unencrypted image URL', { imageUrl: 'http://x.example/a.png' }, '/imageUrl'],
    ['a protocol-relative image URL', { imageUrl: '//x.example/a.png' }, '/imageUrl'],
    ['an attribute that is not a string', { attributes: { a: 1 } }, '/attributes/a'],
    [
      'too many attributes',
      { attributes: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`a${n}`, 'x'])) },
      '/attributes',
    ],
    ['a version', { version: 1 }, '/version'],
    ['an unknown field', { colour: 'red' }, '/colour'],
  ])('returns 400 that names the field for %s', async (_label, change, pointer) => {
    const body = { ...buildProduct(), ...change };
    const response = await system.request<Problem>('/api/products', { body });
    expect(expectProblem(response, 400, 'invalid_request').errors?.map((e) => e.pointer)).toEqual([pointer]);
  });

  test('a price change does not affect a placed order', async () => {
    const { body: desk } = await getProduct('oak-desk');
    const { body: order } = await system.placeOrder(buildOrderRequest({ 'oak-desk': 2 }));
    const changed = await putProduct(system, desk, {
      name: 'Oak desk II',
      price: { amount: 99_900, currency: 'EUR' },
    });
    expect(changed.status).toBe(200);
    const after = await system.getOrder(order.id);
    expect(after.lines).toEqual(order.lines);
    expect(after.total).toEqual(order.total);
    const next = await system.placeOrder(buildOrderRequest({ 'oak-desk': 2 }));
    expect(next.body.lines[0]).toMatchObject({ name: 'Oak desk II', unitPrice: { amount: 99_900 } });
  });

  test('an order placed during price changes captures exactly its total', async () => {
    const prices = [10_000, 20_000];
    let { body: lamp } = await getProduct('desk-lamp');
    let isRunning = true;
    const priceChanges = (async () => {
      for (let n = 0; isRunning; n += 1) {
        const { status, body } = await putProduct(system, lamp, {
          price: { amount: prices[n % 2] ?? 0, currency: 'EUR' },
        });
        expect(status).toBe(200);
        lamp = body;
      }
    })();
    const orders = [];
    for (let n = 0; n < 6; n += 1) {
      orders.push(
        ...(await Promise.all([1, 2].map(() => system.placeOrder(buildOrderRequest({ 'desk-lamp': 3 }))))),
      );
    }
    isRunning = false;
    await priceChanges;
    for (const { status, body } of orders) {
      expect(status).toBe(201);
      const [line] = body.lines;
      expect([8_900, ...prices]).toContain(line?.unitPrice.amount);
      expect(body.subtotal.amount).toBe(3 * (line?.unitPrice.amount ?? 0));
      const [intent] = await system.listIntents(body.id);
      expect([intent?.amount, intent?.amount_captured]).toEqual([body.total.amount, body.total.amount]);
    }
  });

  test('a search is paged with cursors that are valid for this search only', async () => {
    const skus: string[] = [];
    for (let n = 0; n < 7; n += 1)
      skus.push((await createProductViaApi(system, { name: `Quartz lamp ${n}` })).sku);
    const listed: string[] = [];
    const cursors: string[] = [];
    let cursor: string | null = null;
    do {
      const next: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page: Page = await search(`q=quartz%20lam&limit=3${next}`);
      listed.push(...page.data.map((p) => p.sku));
      cursor = page.nextCursor;
      if (cursor !== null) cursors.push(cursor);
    } while (cursor !== null);
    expect(listed).toEqual(skus.toSorted());

    const forged = [
      'nonsense',
      cursors[0]?.slice(0, -1),
      Buffer.from('v1:["apple","x"]').toString('base64url'),
      Buffer.from('v1:["quartz","X"]').toString('base64url'),
      Buffer.from('v1:["quartz"]').toString('base64url'),
      Buffer.from(`v1:${skus[0]}`).toString('base64url'),
    ];
    for (const forgedCursor of forged) {
      const response = await system.request(`/api/products?q=quartz%20lam&cursor=${forgedCursor}`);
      expectProblem(response, 400, 'invalid_cursor');
    }
    expectProblem(await system.request(`/api/products?cursor=${cursors[0]}`), 400, 'invalid_cursor');
  });

  test('a search is paged with words and SKUs of the maximum length', async () => {
    const name = '𠀀'.repeat(40);
    const skus = ['a', 'b'].map((suffix) => `${'z'.repeat(63)}${suffix}`);
    for (const sku of skus) await createProductViaApi(system, { sku, name });
    const query = `q=${encodeURIComponent('𠀀'.repeat(32))}&limit=1`;
    const first = await search(query);
    const second = await search(`${query}&cursor=${first.nextCursor}`);
    expect([...first.data, ...second.data].map(({ sku }) => sku)).toEqual(skus);
  });

  test.each([
    ['q=', 'q'],
    ['q=%21%21', 'q'],
    ['q=a%20b%20c%20d%20e%20f%20g%20h%20i', 'q'],
    [`q=${'a'.repeat(201)}`, 'q'],
    ['q=a&q=b', 'q'],
    ['active=no', 'active'],
    ['limit=101', 'limit'],
    ['sort=price', 'sort'],
  ])('returns 400 that names the parameter for ?%s', async (query, parameter) => {
    const response = await system.request<Problem>(`/api/products?${query}`);
    expect(expectProblem(response, 400, 'invalid_request').errors?.map((e) => e.pointer)).toEqual([
      parameter,
    ]);
  });
});
