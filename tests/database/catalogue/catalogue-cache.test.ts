import { ulid } from 'ulid';
import { createImportActivities } from '../../../activities/product-imports';
import type { Product } from '../../../api/catalogue/schemas';
import { createApp } from '../../../api/http/app';
import type { Page } from '../../../api/http/pagination';
import { type ApiServer, listen } from '../../../api/http/server';
import { connect, type Database } from '../../../db/core/connect';
import { createStore } from '../../../db/core/store';
import type { Principal } from '../../../domain/shared/access';
import { eventually } from '../../harness/eventually';
import { createApiContext } from '../../harness/http/api-context';
import { sendRequest } from '../../harness/http/http-client';
import { createStoredImport } from '../../harness/http/product-imports';
import { createTestStore, DIALECTS, TEST_AUDIT_KEY, type TestStore } from '../../harness/servers/databases';

const ADMIN: Principal = { kind: 'account', customerId: 'cus_1', role: 'admin', sessionId: 'ses_1' };
const CREDENTIALS = { authorization: 'Bearer admin' };

describe.each(DIALECTS)('cached catalogue pages on %s', (dialect) => {
  let shop: TestStore;
  const databases: Database[] = [];
  const apis: ApiServer[] = [];
  const statements: string[] = [];
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    // SQLite supports one process.
    for (const _ of dialect === 'mysql' ? [1, 2] : [1]) {
      const db = connect({ url: shop.url, onStatement: (sql) => statements.push(sql) });
      databases.push(db);
      const store = createStore(db, TEST_AUDIT_KEY);
      const authenticate = async () => ADMIN;
      const rateLimits = { address: 100_000, principal: 0, placement: 0, login: 0, mailbox: 0 };
      apis.push(
        await listen(createApp(createApiContext({ store, authenticate, rateLimits })), '127.0.0.1', 0),
      );
    }
  });
  afterAll(async () => {
    for (const api of apis) await api.stop(0);
    for (const db of databases) await db.close();
    await shop?.close();
  });
  beforeEach(() => statements.splice(0));

  const url = (api: ApiServer | undefined, path: string) => `${api?.url}${path}`;
  const create = async (name: string): Promise<Product> => {
    const body = { sku: `cached-${ulid().toLowerCase()}`, name, price: { amount: 100, currency: 'EUR' } };
    const created = await sendRequest<Product>(url(apis[0], '/api/products'), { body, headers: CREDENTIALS });
    expect(created.status).toBe(201);
    return created.body;
  };
  const rename = async (product: Product, name: string): Promise<void> => {
    const { sku, version } = product;
    const body = { name, price: product.price };
    const headers = { ...CREDENTIALS, 'if-match': `"${version}"` };
    const response = await sendRequest(url(apis[0], `/api/products/${sku}`), {
      method: 'PUT',
      body,
      headers,
    });
    expect(response.status).toBe(200);
  };
  const readNames = async (api: ApiServer | undefined, { sku }: Product): Promise<(string | undefined)[]> => {
    const one = await sendRequest<Product>(url(api, `/api/products/${sku}`));
    const found = await sendRequest<Page<Product>>(
      url(api, `/api/products?q=${sku.slice('cached-'.length)}`),
    );
    return [one.body.name, found.body.data[0]?.name];
  };

  test('the process that changed a product serves the change at once, every other soon after', async () => {
    const product = await create('First name');
    for (const api of apis) {
      await eventually('the new product', async () => (await readNames(api, product))[0] === 'First name');
      expect(await readNames(api, product)).toEqual(['First name', 'First name']);
    }
    await rename(product, 'Second name');
    expect(await readNames(apis[0], product)).toEqual(['Second name', 'Second name']);
    for (const api of apis) {
      await eventually(
        'the new name',
        async () => (await readNames(api, product)).join() === 'Second name,Second name',
      );
    }
  });

  test('imported products are served', async () => {
    const prefix = ulid().toLowerCase();
    const search = () => sendRequest<Page<Product>>(url(apis.at(-1), `/api/products?q=${prefix}`));
    expect((await search()).body.data).toEqual([]);
    const id = await createStoredImport(shop.store, prefix, { chunks: 1, rowsOfChunk: 3 });
    await createImportActivities(shop.store).applyChunk(id, 0);
    await eventually('the imported products', async () => (await search()).body.data.length === 3);
  });

  test('concurrent requests of one page run its query once, and the version is not read for each', async () => {
    const path = url(apis[0], '/api/products?limit=7&q=desk');
    const responses = await Promise.all(Array.from({ length: 30 }, () => sendRequest(path)));
    expect(new Set(responses.map(({ text }) => text)).size).toBe(1);
    expect(statements.filter((sql) => sql.includes('FROM product_terms t'))).toHaveLength(1);
    expect(statements.filter((sql) => sql.includes('catalogue_version')).length).toBeLessThan(5);
  });

  test('equal queries share a page', async () => {
    for (const q of ['walnut%20desk', 'Desk,%20WALNUT', 'desk%20walnut%20desk'])
      await sendRequest(url(apis[0], `/api/products?q=${q}&limit=9`));
    expect(statements.filter((sql) => sql.includes('FROM product_terms t'))).toHaveLength(1);
  });

  test('guests get a public response without headers of a caller, others a private one', async () => {
    for (const path of ['/api/products', '/api/products/walnut-desk']) {
      const guest = await sendRequest(url(apis[0], path));
      expect(guest.headers).toMatchObject({
        'cache-control': 'public, max-age=5, stale-while-revalidate=10',
        vary: 'Authorization',
        etag: expect.stringMatching(/^"[\w-]+"$/),
        'content-type': 'application/json; charset=utf-8',
        'x-request-id': expect.any(String),
      });
      expect(Object.keys(guest.headers).filter((name) => name.startsWith('ratelimit'))).toEqual([]);
      const staff = await sendRequest(url(apis[0], path), { headers: CREDENTIALS });
      expect(staff.headers).toMatchObject({
        'cache-control': 'private, no-cache',
        vary: 'Authorization',
        etag: guest.headers.etag,
        ratelimit: expect.any(String),
      });
      expect(staff.text).toBe(guest.text);
    }
    const failed = await sendRequest(url(apis[0], '/api/products/no-such-product'));
    expect([failed.status, failed.headers['cache-control']]).toEqual([404, 'no-store']);
  });

  test('If-None-Match returns 304 with the headers of the page, and HEAD no body', async () => {
    for (const path of ['/api/products?limit=3', '/api/products/walnut-desk']) {
      const { headers, text } = await sendRequest(url(apis[0], path));
      const unchanged = await sendRequest(url(apis[0], path), {
        headers: { 'if-none-match': `"other", ${headers.etag}` },
      });
      expect([unchanged.status, unchanged.text]).toEqual([304, '']);
      expect(unchanged.headers).toMatchObject({
        etag: headers.etag,
        vary: 'Authorization',
        'cache-control': headers['cache-control'],
      });
      const other = await sendRequest(url(apis[0], path), { headers: { 'if-none-match': '"other"' } });
      expect([other.status, other.text]).toEqual([200, text]);
      const head = await sendRequest(url(apis[0], path), { method: 'HEAD' });
      expect([head.status, head.text, head.headers.etag]).toEqual([200, '', headers.etag]);
      expect(head.headers['content-length']).toBe(String(Buffer.byteLength(text)));
    }
  });

  test('a page with inactive products is never served to a caller without permission', async () => {
    const product = await create('Withdrawn');
    const path = `/api/products/${product.sku}`;
    const headers = { ...CREDENTIALS, 'if-match': '"1"' };
    expect((await sendRequest(url(apis[0], path), { method: 'DELETE', headers })).status).toBe(204);
    const all = await sendRequest(url(apis[0], `${path}?active=all`), { headers: CREDENTIALS });
    expect([all.status, all.headers['cache-control']]).toEqual([200, 'private, no-cache']);
    expect((await sendRequest(url(apis[0], path))).status).toBe(404);
    expect((await sendRequest(url(apis[0], `${path}?active=all`))).status).toBe(401);
  });
});
