import { ulid } from 'ulid';
import type {
  InventoryItem,
  LowStockItem,
  StockAdjustmentResult,
  StockMovement,
} from '../../../api/inventory/schemas';
import type { Warehouse } from '../../../domain/inventory/warehouse';
import { eventually } from '../../harness/eventually';
import type { HttpResponse } from '../../harness/http/http-client';
import { DIALECTS } from '../../harness/servers/databases';
import { createMachineToken } from '../../harness/servers/machine-token';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, expectProblem, type Problem } from '../orders/orders';

const STAFF_EMAILS = ['stock@shop.example', 'ada@shop.example'];
const ANY_VERSION = { 'if-match': '*' };
const MAIL_TIMEOUT_MS = 40_000;

interface Page<T> {
  data: T[];
  nextCursor: string | null;
}

describe.each(DIALECTS)('inventory on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect, env: { STAFF_MAIL: STAFF_EMAILS.join(', ') } });
  });
  afterAll(() => system?.close());

  const adjust = <T = StockAdjustmentResult>(
    sku: string,
    body: unknown,
    headers: Record<string, string> = { 'idempotency-key': ulid() },
  ): Promise<HttpResponse<T>> => system.request<T>(`/api/inventory/${sku}/adjustments`, { body, headers });
  const put = <T>(
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
  ): Promise<HttpResponse<T>> => system.request<T>(path, { method: 'PUT', body, headers });
  const setThreshold = (sku: string, threshold: unknown) =>
    put<InventoryItem>(`/api/inventory/${sku}/threshold`, { threshold });
  const getItem = async (sku: string) => (await system.request<InventoryItem>(`/api/inventory/${sku}`)).body;

  /** @returns all entries of a list, read in pages of two. */
  async function listAll<T>(path: string): Promise<T[]> {
    const entries: T[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page: HttpResponse<Page<T>> = await system.request<Page<T>>(`${path}?limit=2${query}`);
      expect(page.status).toBe(200);
      expect(page.body.data.length).toBeLessThanOrEqual(2);
      entries.push(...page.body.data);
      cursor = page.body.nextCursor;
    }
    return entries;
  }

  test('an adjustment returns the stored movement and the new level', async () => {
    const before = await getItem('oak-desk');
    const { status, body } = await adjust('oak-desk', {
      warehouse: 'BER',
      delta: 40,
      reason: 'received',
      note: 'Delivery note 4711',
    });
    expect(status).toBe(201);
    expect(body.movement).toMatchObject({
      sku: 'oak-desk',
      warehouse: 'BER',
      delta: 40,
      onHandAfter: 940,
      reason: 'received',
      note: 'Delivery note 4711',
      actor: expect.stringMatching(/^machine:key_/),
    });
    expect(body.level).toEqual({ code: 'BER', active: true, onHand: 940, reserved: 0, available: 940 });
    const after = await getItem('oak-desk');
    expect(after).toMatchObject({ onHand: before.onHand + 40, available: before.available + 40 });
    expect(after.warehouses).toContainEqual(body.level);

    await adjust('oak-desk', { warehouse: 'BER', countedOnHand: 939, reason: 'count' });
    await adjust('oak-desk', { warehouse: 'RTM', delta: -1, reason: 'damaged' });
    const movements = await listAll<StockMovement>('/api/inventory/oak-desk/movements');
    expect(movements.map(({ warehouse, delta, reason }) => [warehouse, delta, reason])).toEqual([
      ['RTM', -1, 'damaged'],
      ['BER', -1, 'count'],
      ['BER', 40, 'received'],
      ['RTM', 700, 'opening'],
      ['BER', 900, 'opening'],
    ]);
    expect(movements[2]).toEqual(body.movement);
  });

  test('a repeated adjustment returns the same response and applies once; its key with another body is rejected', async () => {
    const headers = { 'idempotency-key': 'delivery-4712' };
    const request = { warehouse: 'BER', delta: 5, reason: 'found' };
    const responses = await Promise.all(
      Array.from({ length: 5 }, () => adjust('desk-mat', request, headers)),
    );
    await system.placeOrder(buildOrderRequest({ 'desk-mat': 1 }));
    responses.push(await adjust('desk-mat', request, headers));
    expect(new Set(responses.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    const replayed = responses.filter(({ headers: h }) => h['idempotent-replayed'] === 'true');
    expect(replayed).toHaveLength(5);
    expect((await getItem('desk-mat')).onHand).toBe(4_505);
    for (const [sku, body] of [
      ['desk-mat', { ...request, delta: 6 }],
      ['cable-tray', request],
    ] as const) {
      expectProblem(await adjust<Problem>(sku, body, headers), 422, 'idempotency_key_reused');
    }
  });

  test('an adjustment cannot remove reserved stock', async () => {
    await system.placeOrder(buildOrderRequest({ 'limited-1': 1 }));
    const response = await adjust<Problem & Record<string, number>>('limited-1', {
      warehouse: 'BER',
      delta: -1,
      reason: 'lost',
    });
    expectProblem(response, 409, 'stock_reserved');
    expect(response.body).toMatchObject({ onHand: 1, reserved: 1, available: 0 });
    expect(response.body.errors).toEqual([expect.objectContaining({ pointer: '/delta' })]);
  });

  test.each([
    ['no change', { warehouse: 'BER', reason: 'count' }, '/delta'],
    ['two changes', { warehouse: 'BER', reason: 'count', delta: 1, countedOnHand: 1 }, '/countedOnHand'],
    ['a change of zero', { warehouse: 'BER', reason: 'count', delta: 0 }, '/delta'],
    ['a fraction of a unit', { warehouse: 'BER', reason: 'count', delta: 0.5 }, '/delta'],
    ['a negative count', { warehouse: 'BER', reason: 'count', countedOnHand: -1 }, '/countedOnHand'],
    ['an unknown reason', { warehouse: 'BER', reason: 'magic', delta: 1 }, '/reason'],
    ['an opening balance', { warehouse: 'BER', reason: 'opening', delta: 1 }, '/reason'],
    ['a missing reason', { warehouse: 'BER', delta: 1 }, '/reason'],
    ['a missing warehouse', { reason: 'found', delta: 1 }, '/warehouse'],
    ['an unknown field', { warehouse: 'BER', reason: 'found', delta: 1, sku: 'x' }, '/sku'],
    [
      'a note that is too long',
      { warehouse: 'BER', reason: 'found', delta: 1, note: 'x'.repeat(501) },
      '/note',
    ],
    [
      'a count above the maximum',
      { warehouse: 'BER', reason: 'count', countedOnHand: 2e9 },
      '/countedOnHand',
    ],
  ])('returns 400 that names the field for %s', async (_, body, pointer) => {
    const response = await adjust<Problem>('cable-tray', body);
    expectProblem(response, 400, 'invalid_request');
    expect(response.body.errors?.map((e) => e.pointer)).toContain(pointer);
    expect((await getItem('cable-tray')).onHand).toBe(5_900);
  });

  test('rejects an adjustment without a key, for an unknown product or in an unknown warehouse', async () => {
    const body = { warehouse: 'BER', delta: 1, reason: 'found' };
    const keyless = await adjust<Problem>('cable-tray', body, {});
    expectProblem(keyless, 400, 'invalid_request');
    expect(keyless.body.errors?.[0]?.pointer).toBe('Idempotency-Key');
    expectProblem(await adjust<Problem>('ghost', body), 404, 'not_found');
    expectProblem(await adjust<Problem>('NOT%20A%20SKU', body), 404, 'not_found');
    const unknownWarehouse = await adjust<Problem>('cable-tray', { ...body, warehouse: 'MOON' });
    expectProblem(unknownWarehouse, 400, 'unknown_warehouse');
    expect(unknownWarehouse.body.errors?.[0]?.pointer).toBe('/warehouse');
    for (const path of ['/api/inventory/ghost', '/api/inventory/ghost/movements']) {
      expectProblem(await system.request(path), 404, 'not_found');
    }
  });

  test('a product below its threshold is listed as low, and each staff address receives one mail', async () => {
    const sku = 'turntable';
    expect((await setThreshold(sku, 480)).body).toMatchObject({
      threshold: 480,
      lowSince: expect.any(String),
    });
    await setThreshold('lounge-chair', 1_000);
    await setThreshold('bookshelf', 1_000);
    const low = await listAll<LowStockItem>('/api/inventory/low');
    expect(low.slice(0, 3)).toMatchObject([
      { sku, available: 480, threshold: 480 },
      { sku: 'lounge-chair', available: 550, threshold: 1_000 },
      { sku: 'bookshelf', available: 640, threshold: 1_000 },
    ]);
    const { status } = await system.placeOrder(buildOrderRequest({ [sku]: 2 }));
    expect(status).toBe(201);

    const listStockMails = (address: string) =>
      system.mails.listTo(address).filter(({ subject }) => subject.includes(`(${sku})`));
    for (const address of STAFF_EMAILS) {
      const [mail] = await eventually(
        `a stock alert to ${address}`,
        () => listStockMails(address).length > 0 && listStockMails(address),
        MAIL_TIMEOUT_MS,
      );
      expect(mail).toMatchObject({ subject: 'Low stock: Turntable (turntable)', to: [{ address }] });
      expect(mail?.text).toContain('480 units available');
    }

    await adjust(sku, { warehouse: 'BER', delta: 10, reason: 'received' });
    expect(await getItem(sku)).toMatchObject({ lowSince: null });
    await system.placeOrder(buildOrderRequest({ [sku]: 20 }));
    await eventually(
      'a second stock alert to each address',
      () => STAFF_EMAILS.every((address) => listStockMails(address).length === 2),
      MAIL_TIMEOUT_MS,
    );
    expect((await setThreshold(sku, null)).body).toMatchObject({ threshold: null, lowSince: null });
    for (const address of STAFF_EMAILS) {
      expect(new Set(listStockMails(address).map(({ messageId }) => messageId)).size).toBe(2);
    }
  });

  test.each([[-1], [1.5], ['5'], [undefined]])(
    'returns 400 that names the field for a threshold of %p',
    async (threshold) => {
      const response = (await setThreshold('carafe', threshold)) as unknown as HttpResponse<Problem>;
      expectProblem(response, 400, 'invalid_request');
      expect(response.body.errors?.[0]?.pointer).toBe('/threshold');
    },
  );

  test('a warehouse is created, stocked, deactivated and activated; orders use its stock only while it is active', async () => {
    const created = await system.request<Warehouse>('/api/warehouses', {
      body: { code: 'VIE', name: 'Wien', country: 'AT' },
    });
    expect([created.status, created.body]).toEqual([
      201,
      { code: 'VIE', name: 'Wien', country: 'AT', active: true, version: 1 },
    ]);
    expectProblem(
      await system.request('/api/warehouses', { body: { code: 'VIE', name: 'Again', country: 'AT' } }),
      409,
      'warehouse_exists',
    );
    const loneSurrogate = { body: { code: 'X1', name: 'A\ud800', country: 'DE' } };
    expect(
      expectProblem(await system.request('/api/warehouses', loneSurrogate), 400, 'invalid_request').errors,
    ).toMatchObject([{ pointer: '/name' }]);
    await adjust('rattan-armchair', { warehouse: 'VIE', delta: 3, reason: 'received' });
    expect(created.headers.etag).toBe('"1"');
    const setActive = <T = Warehouse>(active: boolean, ifMatch?: string) =>
      put<T>(
        '/api/warehouses/VIE',
        { name: 'Wien', country: 'AT', active },
        ifMatch === undefined ? {} : { 'if-match': ifMatch },
      );
    expectProblem(await setActive<Problem>(false), 428, 'precondition_required');
    expectProblem(await setActive<Problem>(false, '"7"'), 412, 'precondition_failed');
    expectProblem(await setActive<Problem>(false, 'nonsense'), 400, 'invalid_request');
    const deactivated = await setActive(false, '"1"');
    expect([deactivated.body, deactivated.headers.etag]).toEqual([
      { code: 'VIE', name: 'Wien', country: 'AT', active: false, version: 2 },
      '"2"',
    ]);
    // A client with an outdated version must not activate it again.
    expectProblem(await setActive<Problem>(true, '"1"'), 412, 'precondition_failed');
    // A client that received no response repeats its request with the earlier version.
    expect((await setActive(false, '"1"')).body).toMatchObject({ active: false, version: 2 });
    expect((await setActive(false, '"2"')).body).toMatchObject({ active: false, version: 2 });
    const stored = await system.request<Warehouse>('/api/warehouses/VIE');
    expect([stored.body, stored.headers.etag]).toEqual([deactivated.body, '"2"']);
    const conditional = { headers: { 'if-none-match': '"2"' } };
    expect((await system.request('/api/warehouses/VIE', conditional)).status).toBe(304);
    expectProblem(await system.request('/api/warehouses/MOON'), 404, 'not_found');
    expect(await getItem('rattan-armchair')).toMatchObject({ onHand: 3, available: 0 });
    const rejected = await system.placeOrder<Problem>(buildOrderRequest({ 'rattan-armchair': 1 }));
    expectProblem(rejected, 409, 'out_of_stock');
    expect((await setActive(true, '*')).body).toMatchObject({ active: true, version: 3 });
    expect((await system.placeOrder(buildOrderRequest({ 'rattan-armchair': 3 }))).status).toBe(201);

    expect((await listAll<Warehouse>('/api/warehouses')).map(({ code }) => code)).toEqual([
      'BER',
      'RTM',
      'VIE',
    ]);
    expectProblem(
      await put<Problem>('/api/warehouses/MOON', { name: 'Moon', country: 'DE', active: true }, ANY_VERSION),
      404,
      'not_found',
    );
    for (const body of [
      { name: 'Wien', country: 'AT' },
      { name: 'Wien', country: 'Austria', active: true },
    ]) {
      expectProblem(await put<Problem>('/api/warehouses/VIE', body, ANY_VERSION), 400, 'invalid_request');
    }
  });

  test('lists the inventory with cursors', async () => {
    const items = await listAll<InventoryItem>('/api/inventory');
    expect(items.map(({ sku }) => sku)).toEqual(items.map(({ sku }) => sku).toSorted());
    expect(items.length).toBeGreaterThan(50);
    expect(items.find(({ sku }) => sku === 'chef-knife')).toEqual(await getItem('chef-knife'));
    for (const path of ['/api/inventory', '/api/inventory/low', '/api/inventory/carafe/movements']) {
      expectProblem(await system.request(`${path}?cursor=bm9uc2Vuc2U`), 400, 'invalid_cursor');
    }
  });

  test('reading and changing the inventory require their scopes', async () => {
    const unauthenticated = { headers: { authorization: '' } };
    for (const path of ['/api/inventory', '/api/inventory/low', '/api/inventory/carafe', '/api/warehouses']) {
      expectProblem(await system.request(path, unauthenticated), 401, 'unauthenticated');
    }
    const token = await createMachineToken(system.env, system.env.DATABASE_URL ?? '', ['inventory:read']);
    const reader = { authorization: `Bearer ${token}`, 'idempotency-key': 'x' };
    expect((await system.request('/api/inventory/carafe/movements', { headers: reader })).status).toBe(200);
    const body = { warehouse: 'BER', delta: 1, reason: 'found' };
    expectProblem(await adjust<Problem>('carafe', body, reader), 403, 'forbidden');
  });
});
