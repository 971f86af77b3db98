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
/** The same token with its last character changed to one that says something else. */
const forgeToken = (token: string) =>
  `${token.slice(0, -2)}${token.at(-2) === 'A' ? 'B' : 'A'}${token.at(-1)}`;

describe.each(DIALECTS)('who may do what, on %s', (dialect) => {
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

  test("a guest's history tells neither who of the staff it was nor which mails went out", async () => {
    const mine = await placeAsGuest();
    const guest = { headers: toBearerHeader(mine.orderToken) };
    const path = `/api/orders/${mine.id}`;
    const { token } = await createStaffToken(system.env, 'support');
    const support = { headers: { ...toBearerHeader(token), prefer: 'wait=20' } };
    expect((await system.request(path, support)).status).toBe(200);
    expect((await system.request(`${path}/cancel`, { ...support, body: {} })).body.status).toBe('cancelled');
    const all = await eventually('both mails in the history', async () => {
      const { entries } = await system.getHistory(mine.id);
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

  test("a guest's order token opens that order and no other", async () => {
    const [mine, theirs] = [await placeAsGuest(), await placeAsGuest()];
    const headers = toBearerHeader(mine.orderToken);
    expect((await system.request(`/api/orders/${mine.id}`, { headers })).body.id).toBe(mine.id);
    expect((await system.request(`/api/orders/${mine.id}/history`, { headers })).status).toBe(200);
    for (const path of [`/api/orders/${theirs.id}`, `/api/orders/${theirs.id}/history`]) {
      expectProblem(await system.request(path, { headers }), 404, 'not_found');
    }
    const refused = await system.request(`/api/orders/${theirs.id}/cancel`, { headers, body: {} });
    expectProblem(refused, 404, 'not_found');
    expect((await system.getOrder(theirs.id)).cancellation).toBeNull();
    const cancelled = await system.request(`/api/orders/${mine.id}/cancel`, {
      headers: { ...headers, prefer: 'wait=20' },
      body: {},
    });
    expect(cancelled.body).toMatchObject({ status: 'cancelled' });
    expect(cancelled.body.cancellation?.requestedBy).toBe('signal (claims: guest, by REST)');
  });

  test('the token comes with every answer to a placement, the same each time, and with none to a reader', async () => {
    const headers = { ...UNAUTHENTICATED, 'idempotency-key': `guest-${dialect}` };
    const body = buildOrderRequest();
    const first = await system.placeOrder<PlacedOrder>(body, headers);
    const again = await system.placeOrder<PlacedOrder>(body, headers);
    expect(again.body.orderToken).toBe(first.body.orderToken);
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
    // Who can prove who they are needs none.
    expect((await system.placeOrder<PlacedOrder>(buildOrderRequest())).body.orderToken).toBeUndefined();
  });

  test('a guest who shows the token of one order is given another with the next', async () => {
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

  test('an order is not to be had without a token, nor is any list', async () => {
    const { id } = await placeAsGuest();
    for (const path of [`/api/orders/${id}`, `/api/orders/${id}/history`, '/api/orders', '/api/inventory']) {
      const answer = await system.request(path, { headers: UNAUTHENTICATED });
      expectProblem(answer, 401, 'unauthenticated');
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="orders"');
    }
    expect((await system.request('/api/products', { headers: UNAUTHENTICATED })).status).toBe(200);
  });

  test.each([
    ['another scheme', 'Basic YWRhOmFkYQ=='],
    ['no token', 'Bearer'],
    ['a token of nothing', 'Bearer abc'],
    ['two tokens', 'Bearer abc def'],
    ['an unknown key', `Bearer key_${'0'.repeat(26)}_${'A'.repeat(43)}`],
    ['an order token of nobody', `Bearer ot_${'0'.repeat(26)}_${'A'.repeat(43)}`],
    ['a token with a body of bytes', `Bearer \u00ff`],
  ])('%s is refused with 401, also where none is needed', async (_what, authorization) => {
    const answer = await system.request('/api/products', { headers: { authorization } });
    expectProblem(answer, 401, 'invalid_token');
    expect(answer.headers['www-authenticate']).toContain('error="invalid_token"');
  });

  test('a forged token is refused', async () => {
    const { id, orderToken = '' } = await placeAsGuest();
    for (const token of [forgeToken(orderToken), forgeToken(system.token)]) {
      expectProblem(
        await system.request(`/api/orders/${id}`, { headers: toBearerHeader(token) }),
        401,
        'invalid_token',
      );
    }
  });

  test('a machine may do what its scopes say and nothing else', async () => {
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
    for (const answer of forbidden) expectProblem(answer, 403, 'forbidden');
    // What a guest may do with nothing takes the scope all the same; what has no scope, any machine may.
    expectProblem(await system.placeOrder(buildOrderRequest(), reader), 403, 'forbidden');
    expect((await system.request('/api/products', { headers: reader })).status).toBe(200);
    // Not even one that may do everything makes others.
    const made = await system.request('/api/api-keys', { body: { name: 'more', scopes: ['orders:read'] } });
    expectProblem(made, 403, 'forbidden');
  });

  test('two callers may use the same idempotency key: each gets an order of its own', async () => {
    const headers = { 'idempotency-key': `shared-${dialect}` };
    const body = buildOrderRequest();
    const machine = await system.placeOrder(body, headers);
    const guest = await system.placeOrder(body, { ...headers, ...UNAUTHENTICATED });
    expect([machine.status, guest.status]).toEqual([201, 201]);
    expect(guest.body.id).not.toBe(machine.body.id);
  });
});
