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

describe.each(DIALECTS)('the inventory on %s', (dialect) => {
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
  const watch = (sku: string, threshold: unknown) =>
    put<InventoryItem>(`/api/inventory/${sku}/threshold`, { threshold });
  const item = async (sku: string) => (await system.request<InventoryItem>(`/api/inventory/${sku}`)).body;

  /** Every entry of a list, page by page of two. */
  async function all<T>(path: string): Promise<T[]> {
    const found: T[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page: HttpResponse<Page<T>> = await system.request<Page<T>>(`${path}?limit=2${query}`);
      expect(page.status).toBe(200);
      expect(page.body.data.length).toBeLessThanOrEqual(2);
      found.push(...page.body.data);
      cursor = page.body.nextCursor;
    }
    return found;
  }

  test('an adjustment answers with the movement and the level, which are then to be read', async () => {
    const before = await item('oak-desk');
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
    const after = await item('oak-desk');
    expect(after).toMatchObject({ onHand: before.onHand + 40, available: before.available + 40 });
    expect(after.warehouses).toContainEqual(body.level);

    await adjust('oak-desk', { warehouse: 'BER', countedOnHand: 939, reason: 'count' });
    await adjust('oak-desk', { warehouse: 'RTM', delta: -1, reason: 'damaged' });
    const movements = await all<StockMovement>('/api/inventory/oak-desk/movements');
    expect(movements.map(({ warehouse, delta, reason }) => [warehouse, delta, reason])).toEqual([
      ['RTM', -1, 'damaged'],
      ['BER', -1, 'count'],
      ['BER', 40, 'received'],
      ['RTM', 700, 'opening'],
      ['BER', 900, 'opening'],
    ]);
    expect(movements[2]).toEqual(body.movement);
  });

  test('sent again it is answered in the same words and counts once; another body with its key is refused', async () => {
    const headers = { 'idempotency-key': 'delivery-4712' };
    const request = { warehouse: 'BER', delta: 5, reason: 'found' };
    const answers = await Promise.all(Array.from({ length: 5 }, () => adjust('desk-mat', request, headers)));
    await system.placeOrder(buildOrderRequest({ 'desk-mat': 1 }));
    answers.push(await adjust('desk-mat', request, headers));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    const replayed = answers.filter(({ headers: h }) => h['idempotent-replayed'] === 'true');
    expect(replayed).toHaveLength(5);
    expect((await item('desk-mat')).onHand).toBe(4_505);
    for (const [sku, body] of [
      ['desk-mat', { ...request, delta: 6 }],
      ['cable-tray', request],
    ] as const) {
      expectProblem(await adjust<Problem>(sku, body, headers), 422, 'idempotency_key_reused');
    }
  });

  test('what is reserved cannot be taken away', async () => {
    await system.placeOrder(buildOrderRequest({ 'limited-1': 1 }));
    const answer = await adjust<Problem & Record<string, number>>('limited-1', {
      warehouse: 'BER',
      delta: -1,
      reason: 'lost',
    });
    expectProblem(answer, 409, 'stock_reserved');
    expect(answer.body).toMatchObject({ onHand: 1, reserved: 1, available: 0 });
    expect(answer.body.errors).toEqual([expect.objectContaining({ pointer: '/delta' })]);
  });

  test.each([
    ['no change at all', { warehouse: 'BER', reason: 'count' }, '/delta'],
    ['two changes', { warehouse: 'BER', reason: 'count', delta: 1, countedOnHand: 1 }, '/countedOnHand'],
    ['a change by nothing', { warehouse: 'BER', reason: 'count', delta: 0 }, '/delta'],
    ['half a unit', { warehouse: 'BER', reason: 'count', delta: 0.5 }, '/delta'],
    ['a count below nothing', { warehouse: 'BER', reason: 'count', countedOnHand: -1 }, '/countedOnHand'],
    ['an unknown reason', { warehouse: 'BER', reason: 'magic', delta: 1 }, '/reason'],
    ['an opening balance', { warehouse: 'BER', reason: 'opening', delta: 1 }, '/reason'],
    ['no reason', { warehouse: 'BER', delta: 1 }, '/reason'],
    ['no warehouse', { reason: 'found', delta: 1 }, '/warehouse'],
    ['a field that is not known', { warehouse: 'BER', reason: 'found', delta: 1, sku: 'x' }, '/sku'],
    ['an endless note', { warehouse: 'BER', reason: 'found', delta: 1, note: 'x'.repeat(501) }, '/note'],
    ['more than a place holds', { warehouse: 'BER', reason: 'count', countedOnHand: 2e9 }, '/countedOnHand'],
  ])('%s is refused by name', async (_, body, pointer) => {
    const answer = await adjust<Problem>('cable-tray', body);
    expectProblem(answer, 400, 'invalid_request');
    expect(answer.body.errors?.map((e) => e.pointer)).toContain(pointer);
    expect((await item('cable-tray')).onHand).toBe(5_900);
  });

  test('without a key, for a product or in a warehouse that does not exist, it is refused', async () => {
    const body = { warehouse: 'BER', delta: 1, reason: 'found' };
    const keyless = await adjust<Problem>('cable-tray', body, {});
    expectProblem(keyless, 400, 'invalid_request');
    expect(keyless.body.errors?.[0]?.pointer).toBe('Idempotency-Key');
    expectProblem(await adjust<Problem>('ghost', body), 404, 'not_found');
    expectProblem(await adjust<Problem>('NOT%20A%20SKU', body), 404, 'not_found');
    const elsewhere = await adjust<Problem>('cable-tray', { ...body, warehouse: 'MOON' });
    expectProblem(elsewhere, 400, 'unknown_warehouse');
    expect(elsewhere.body.errors?.[0]?.pointer).toBe('/warehouse');
    for (const path of ['/api/inventory/ghost', '/api/inventory/ghost/movements']) {
      expectProblem(await system.request(path), 404, 'not_found');
    }
  });

  test('a threshold makes a product low; each of the staff is told once by mail, and the list shows it', async () => {
    const sku = 'turntable';
    expect((await watch(sku, 480)).body).toMatchObject({ threshold: 480, lowSince: expect.any(String) });
    await watch('lounge-chair', 1_000);
    await watch('bookshelf', 1_000);
    const low = await all<LowStockItem>('/api/inventory/low');
    expect(low.slice(0, 3)).toMatchObject([
      { sku, available: 480, threshold: 480 },
      { sku: 'lounge-chair', available: 550, threshold: 1_000 },
      { sku: 'bookshelf', available: 640, threshold: 1_000 },
    ]);
    const { status } = await system.placeOrder(buildOrderRequest({ [sku]: 2 }));
    expect(status).toBe(201);

    const mailsOf = (address: string) =>
      system.mails.listTo(address).filter(({ subject }) => subject.includes(`(${sku})`));
    for (const address of STAFF_EMAILS) {
      const [mail] = await eventually(
        `a mail to ${address}`,
        () => mailsOf(address).length > 0 && mailsOf(address),
        MAIL_TIMEOUT_MS,
      );
      expect(mail).toMatchObject({ subject: 'Stock is low: Turntable (turntable)', to: [{ address }] });
      expect(mail?.text).toContain('480 left to sell');
    }

    await adjust(sku, { warehouse: 'BER', delta: 10, reason: 'received' });
    expect(await item(sku)).toMatchObject({ lowSince: null });
    await system.placeOrder(buildOrderRequest({ [sku]: 20 }));
    await eventually(
      'a second mail each',
      () => STAFF_EMAILS.every((address) => mailsOf(address).length === 2),
      MAIL_TIMEOUT_MS,
    );
    expect((await watch(sku, null)).body).toMatchObject({ threshold: null, lowSince: null });
    for (const address of STAFF_EMAILS) {
      expect(new Set(mailsOf(address).map(({ messageId }) => messageId)).size).toBe(2);
    }
  });

  test.each([[-1], [1.5], ['5'], [undefined]])('a threshold of %p is refused by name', async (threshold) => {
    const answer = (await watch('carafe', threshold)) as unknown as HttpResponse<Problem>;
    expectProblem(answer, 400, 'invalid_request');
    expect(answer.body.errors?.[0]?.pointer).toBe('/threshold');
  });

  test('a warehouse is added, filled, closed and opened: orders have its stock only while it is open', async () => {
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
    const half = { body: { code: 'X1', name: 'A\ud800', country: 'DE' } };
    expect(
      expectProblem(await system.request('/api/warehouses', half), 400, 'invalid_request').errors,
    ).toMatchObject([{ pointer: '/name' }]);
    await adjust('rattan-armchair', { warehouse: 'VIE', delta: 3, reason: 'received' });
    expect(created.headers.etag).toBe('"1"');
    const change = <T = Warehouse>(active: boolean, ifMatch?: string) =>
      put<T>(
        '/api/warehouses/VIE',
        { name: 'Wien', country: 'AT', active },
        ifMatch === undefined ? {} : { 'if-match': ifMatch },
      );
    expectProblem(await change<Problem>(false), 428, 'precondition_required');
    expectProblem(await change<Problem>(false, '"7"'), 412, 'precondition_failed');
    expectProblem(await change<Problem>(false, 'nonsense'), 400, 'invalid_request');
    const closed = await change(false, '"1"');
    expect([closed.body, closed.headers.etag]).toEqual([
      { code: 'VIE', name: 'Wien', country: 'AT', active: false, version: 2 },
      '"2"',
    ]);
    // Somebody who has seen it open must not open it again without knowing.
    expectProblem(await change<Problem>(true, '"1"'), 412, 'precondition_failed');
    // Whoever got no answer asks again, having seen what was there before.
    expect((await change(false, '"1"')).body).toMatchObject({ active: false, version: 2 });
    expect((await change(false, '"2"')).body).toMatchObject({ active: false, version: 2 });
    const read = await system.request<Warehouse>('/api/warehouses/VIE');
    expect([read.body, read.headers.etag]).toEqual([closed.body, '"2"']);
    const known = { headers: { 'if-none-match': '"2"' } };
    expect((await system.request('/api/warehouses/VIE', known)).status).toBe(304);
    expectProblem(await system.request('/api/warehouses/MOON'), 404, 'not_found');
    expect(await item('rattan-armchair')).toMatchObject({ onHand: 3, available: 0 });
    const refused = await system.placeOrder<Problem>(buildOrderRequest({ 'rattan-armchair': 1 }));
    expectProblem(refused, 409, 'out_of_stock');
    expect((await change(true, '*')).body).toMatchObject({ active: true, version: 3 });
    expect((await system.placeOrder(buildOrderRequest({ 'rattan-armchair': 3 }))).status).toBe(201);

    expect((await all<Warehouse>('/api/warehouses')).map(({ code }) => code)).toEqual(['BER', 'RTM', 'VIE']);
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

  test('the whole inventory is listed, page by page', async () => {
    const items = await all<InventoryItem>('/api/inventory');
    expect(items.map(({ sku }) => sku)).toEqual(items.map(({ sku }) => sku).toSorted());
    expect(items.length).toBeGreaterThan(50);
    expect(items.find(({ sku }) => sku === 'chef-knife')).toEqual(await item('chef-knife'));
    for (const path of ['/api/inventory', '/api/inventory/low', '/api/inventory/carafe/movements']) {
      expectProblem(await system.request(`${path}?cursor=bm9uc2Vuc2U`), 400, 'invalid_cursor');
    }
  });

  test('nobody reads or changes it but who may', async () => {
    const nobody = { headers: { authorization: '' } };
    for (const path of ['/api/inventory', '/api/inventory/low', '/api/inventory/carafe', '/api/warehouses']) {
      expectProblem(await system.request(path, nobody), 401, 'unauthenticated');
    }
    const token = await createMachineToken(system.env, system.env.DATABASE_URL ?? '', ['inventory:read']);
    const reader = { authorization: `Bearer ${token}`, 'idempotency-key': 'x' };
    expect((await system.request('/api/inventory/carafe/movements', { headers: reader })).status).toBe(200);
    const body = { warehouse: 'BER', delta: 1, reason: 'found' };
    expectProblem(await adjust<Problem>('carafe', body, reader), 403, 'forbidden');
  });
});
