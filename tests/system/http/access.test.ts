import type { ApiKey } from '../../../api/auth/api-key-schemas';
import type { Order, OrderHistory, PlacedOrder } from '../../../api/orders/schemas';
import { eventually } from '../../harness/eventually';
import { createStaffToken } from '../../harness/http/staff-token';
import { DIALECTS } from '../../harness/servers/databases';
import { createMachineToken } from '../../harness/servers/machine-token';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, DECLINED_CARD, expectProblem, type Problem } from '../orders/orders';

type Rejection = Problem & { orderId: string; orderToken: string };

const UNAUTHENTICATED = { authorization: '' };
const toBearerHeader = (token: string | undefined) => ({ authorization: `Bearer ${token}` });
/** The token with one character changed. */
const forgeToken = (token: string) =>
  `${token.slice(0, -2)}${token.at(-2) === 'A' ? 'B' : 'A'}${token.at(-1)}`;

describe.each(DIALECTS)('authorization on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect });
  });
  afterAll(() => system?.close());

  const placeAsGuest = async (): Promise<PlacedOrder> => {
    const { status, body, text } = await system.placeOrder<PlacedOrder>(buildOrderRequest(), UNAUTHENTICATED);
    expect({ status, text }).toEqual({ status: 201, text });
    return body;
  };

  test("a guest's history contains neither staff ids nor sent mails", async () => {
    const order = await placeAsGuest();
    const guest = { headers: toBearerHeader(order.orderToken) };
    const path = `/api/orders/${order.id}`;
    const { token } = await createStaffToken(system.env, 'support');
    const support = { headers: { ...toBearerHeader(token), prefer: 'wait=20' } };
    expect((await system.request(path, support)).status).toBe(200);
    expect((await system.request(`${path}/cancel`, { ...support, body: {} })).body.status).toBe('cancelled');
    const all = await eventually('both mails in the history', async () => {
      const { entries } = await system.getHistory(order.id);
      return entries.filter(({ type }) => type === 'NotificationSent').length === 2 && entries;
    });
    expect(JSON.stringify(all)).toMatch(/staff:cus_\w{26}/);
    expect(all.map(({ type }) => type)).not.toContain('PersonalDataRead');

    const history = await system.request<OrderHistory>(`${path}/history`, guest);
    const { entries } = history.body;
    expect([entries[0]?.type, entries[0]?.by]).toEqual(['OrderCreated', 'guest']);
    expect(entries.map(({ type }) => type)).not.toContain('NotificationSent');
    expect(entries.map(({ by }) => by)).toContain('signal (claims: staff, by REST)');
    expect(history.text).not.toMatch(/staff:cus_/);
    expect((await system.request<Order>(path, guest)).body.cancellation?.requestedBy).toBe(
      'signal (claims: staff, by REST)',
    );
  });

  test('an order token gives access to its order and no other', async () => {
    const [order, otherOrder] = [await placeAsGuest(), await placeAsGuest()];
    const headers = toBearerHeader(order.orderToken);
    expect((await system.request(`/api/orders/${order.id}`, { headers })).body.id).toBe(order.id);
    expect((await system.request(`/api/orders/${order.id}/history`, { headers })).status).toBe(200);
    for (const path of [`/api/orders/${otherOrder.id}`, `/api/orders/${otherOrder.id}/history`]) {
      expectProblem(await system.request(path, { headers }), 404, 'not_found');
    }
    const response = await system.request(`/api/orders/${otherOrder.id}/cancel`, { headers, body: {} });
    expectProblem(response, 404, 'not_found');
    expect((await system.getOrder(otherOrder.id)).cancellation).toBeNull();
    const cancelled = await system.request(`/api/orders/${order.id}/cancel`, {
      headers: { ...headers, prefer: 'wait=20' },
      body: {},
    });
    expect(cancelled.body).toMatchObject({ status: 'cancelled' });
    expect(cancelled.body.cancellation?.requestedBy).toBe('signal (claims: guest, by REST)');
  });

  test('every response to a placement contains the same token; reads contain none', async () => {
    const headers = { ...UNAUTHENTICATED, 'idempotency-key': `guest-${dialect}` };
    const body = buildOrderRequest();
    const first = await system.placeOrder<PlacedOrder>(body, headers);
    const replayed = await system.placeOrder<PlacedOrder>(body, headers);
    expect(replayed.body.orderToken).toBe(first.body.orderToken);
    const pending = await system.placeOrder<PlacedOrder>(buildOrderRequest(), {
      ...UNAUTHENTICATED,
      prefer: 'respond-async',
    });
    expect(pending.status).toBe(202);
    expect(pending.body.orderToken).toMatch(/^ot_/);
    const rejected = await system.placeOrder<Rejection>(
      buildOrderRequest(undefined, { method: DECLINED_CARD }),
      UNAUTHENTICATED,
    );
    expect(rejected.status).toBe(402);
    const read = await system.request<Order>(`/api/orders/${rejected.body.orderId}`, {
      headers: toBearerHeader(rejected.body.orderToken),
    });
    expect(read.body.status).toBe('rejected');
    expect(read.text).not.toContain('ot_');
    // Authenticated callers need none.
    expect((await system.placeOrder<PlacedOrder>(buildOrderRequest())).body.orderToken).toBeUndefined();
  });

  test('a placement with the token of an earlier order returns a token of its own order', async () => {
    const first = await placeAsGuest();
    const second = await system.placeOrder<PlacedOrder>(
      buildOrderRequest(),
      toBearerHeader(first.orderToken),
    );
    expect(second.status).toBe(201);
    const headers = toBearerHeader(second.body.orderToken);
    expect((await system.request(`/api/orders/${second.body.id}`, { headers })).status).toBe(200);
    expectProblem(await system.request(`/api/orders/${first.id}`, { headers }), 404, 'not_found');
  });

  test('returns 401 for orders and lists without credentials', async () => {
    const { id } = await placeAsGuest();
    for (const path of [`/api/orders/${id}`, `/api/orders/${id}/history`, '/api/orders', '/api/inventory']) {
      const response = await system.request(path, { headers: UNAUTHENTICATED });
      expectProblem(response, 401, 'unauthenticated');
      expect(response.headers['www-authenticate']).toBe('Bearer realm="orders"');
    }
    expect((await system.request('/api/products', { headers: UNAUTHENTICATED })).status).toBe(200);
  });

  test.each([
    ['another scheme', 'Basic YWRhOmFkYQ=='],
    ['no token', 'Bearer'],
    ['a token of unknown form', 'Bearer abc'],
    ['two tokens', 'Bearer abc def'],
    ['an unknown key', `Bearer key_${'0'.repeat(26)}_${'A'.repeat(43)}`],
    ['an order token with a wrong signature', `Bearer ot_${'0'.repeat(26)}_${'A'.repeat(43)}`],
    ['a token that is not ASCII', `Bearer \u00ff`],
  ])('rejects %s with 401, also on a public endpoint', async (_name, authorization) => {
    const response = await system.request('/api/products', { headers: { authorization } });
    expectProblem(response, 401, 'invalid_token');
    expect(response.headers['www-authenticate']).toContain('error="invalid_token"');
  });

  test('rejects forged tokens', async () => {
    const { id, orderToken = '' } = await placeAsGuest();
    for (const token of [forgeToken(orderToken), forgeToken(system.token)]) {
      expectProblem(
        await system.request(`/api/orders/${id}`, { headers: toBearerHeader(token) }),
        401,
        'invalid_token',
      );
    }
  });

  test('an API key permits the operations of its scopes and no others', async () => {
    const reader = toBearerHeader(
      await createMachineToken(system.env, system.env.DATABASE_URL ?? '', ['orders:read']),
    );
    const { id } = await placeAsGuest();
    expect((await system.request(`/api/orders/${id}`, { headers: reader })).status).toBe(200);
    const forbidden = [
      await system.request(`/api/orders/${id}/cancel`, { headers: reader, body: {} }),
      await system.request('/api/inventory', { headers: reader }),
      await system.request<ApiKey>('/api/api-keys', { headers: reader }),
    ];
    for (const response of forbidden) expectProblem(response, 403, 'forbidden');
    // An operation with a scope requires it of API keys, also when guests need no credentials.
    expectProblem(await system.placeOrder(buildOrderRequest(), reader), 403, 'forbidden');
    expect((await system.request('/api/products', { headers: reader })).status).toBe(200);
    // API keys cannot create API keys.
    const created = await system.request('/api/api-keys', {
      body: { name: 'more', scopes: ['orders:read'] },
    });
    expectProblem(created, 403, 'forbidden');
  });

  test('two callers can use the same idempotency key for separate orders', async () => {
    const headers = { 'idempotency-key': `shared-${dialect}` };
    const body = buildOrderRequest();
    const machine = await system.placeOrder(body, headers);
    const guest = await system.placeOrder(body, { ...headers, ...UNAUTHENTICATED });
    expect([machine.status, guest.status]).toEqual([201, 201]);
    expect(guest.body.id).not.toBe(machine.body.id);
  });
});
