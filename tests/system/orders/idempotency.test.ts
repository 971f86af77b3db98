import { DIALECTS } from '../../harness/servers/databases';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, DECLINED_CARD, expectProblem, generateEmail, type Problem } from './orders';

describe.each(DIALECTS)('idempotency keys on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect });
  });
  afterAll(() => system?.close());

  let keyCount = 0;
  const createKeyHeader = () => {
    keyCount += 1;
    return { 'idempotency-key': `key-${keyCount}` };
  };

  test('twenty concurrent requests with one key create one order and one payment and get equal responses', async () => {
    const [body, key] = [buildOrderRequest(), createKeyHeader()];
    const before = await system.getStock('walnut-desk');

    const responses = await Promise.all(Array.from({ length: 20 }, () => system.placeOrder(body, key)));

    expect(new Set(responses.map((a) => a.status))).toEqual(new Set([201]));
    expect(new Set(responses.map((a) => a.text)).size).toBe(1);
    expect(new Set(responses.map((a) => a.headers.etag)).size).toBe(1);
    expect(responses.filter((a) => a.headers['idempotent-replayed'] === 'true')).toHaveLength(19);
    const { id, customerId } = responses[0]!.body;
    expect((await system.listOrders(`&customerId=${customerId}`)).map((order) => order.id)).toEqual([id]);
    expect(await system.listIntents(id)).toHaveLength(1);
    expect((await system.getStock('walnut-desk')).reserved).toBe(before.reserved + 1);
  });

  test('a body that differs only in formatting is replayed', async () => {
    const [body, key] = [buildOrderRequest(), createKeyHeader()];
    const { items, ...rest } = body;
    const first = await system.placeOrder(body, key);
    const second = await system.placeOrder(
      { ...rest, customer: { ...body.customer, email: body.customer.email.toUpperCase() }, items },
      key,
    );
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.text).toBe(first.text);
  });

  test('returns 422 for a key with another body and changes nothing', async () => {
    const key = createKeyHeader();
    const email = generateEmail();
    const { body } = await system.placeOrder(buildOrderRequest({ 'walnut-desk': 1 }, { email }), key);
    const other = await system.placeOrder(buildOrderRequest({ 'walnut-desk': 2 }, { email }), key);
    expectProblem(other, 422, 'idempotency_key_reused');
    expect(await system.listOrders(`&customerId=${body.customerId}`)).toHaveLength(1);
  });

  test.each([
    ['402', buildOrderRequest({ 'walnut-desk': 1 }, { method: DECLINED_CARD })],
    ['409', buildOrderRequest({ 'walnut-desk': 1, 'limited-1': 2 })],
  ])('replays a %s response, except for its request id', async (_status, body) => {
    const key = createKeyHeader();
    const first = await system.placeOrder<Problem>(body, key);
    const second = await system.placeOrder<Problem>(body, key);
    expect(second.status).toBe(first.status);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.body).toEqual({ ...first.body, requestId: second.body.requestId });
    expect(second.body.requestId).not.toBe(first.body.requestId);
    expect((await system.listIntents(String(first.body.orderId))).length).toBeLessThanOrEqual(1);
  });

  test('replays the first response after the order was cancelled', async () => {
    const [body, key] = [buildOrderRequest(), createKeyHeader()];
    const first = await system.placeOrder(body, key);
    const path = `/api/orders/${first.body.id}`;
    await system.request(`${path}/cancel`, { method: 'POST', headers: { prefer: 'wait=20' } });

    const replayed = await system.placeOrder(body, key);

    expect(replayed.status).toBe(201);
    expect(replayed.text).toBe(first.text);
    expect(await system.getOrder(first.body.id)).toMatchObject({ status: 'cancelled', payment: 'refunded' });
    expect(await system.listIntents(first.body.id)).toHaveLength(1);
  });

  test('returns 202 while the order is undecided, then the decision', async () => {
    const [body, key] = [buildOrderRequest(), createKeyHeader()];
    await system.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_500 });
    const first = await system.placeOrder(body, { ...key, prefer: 'respond-async' });
    const undecided = await system.placeOrder(body, { ...key, prefer: 'wait=0' });
    const last = await system.placeOrder(body, key);
    expect([first.status, undecided.status, last.status]).toEqual([202, 202, 201]);
    expect(undecided.headers['idempotent-replayed']).toBe('true');
    expect(new Set([first.body.id, undecided.body.id, last.body.id]).size).toBe(1);
    expect(await system.listIntents(last.body.id)).toHaveLength(1);
  });

  test.each([
    ['empty', ''],
    ['with a space', 'a b'],
    ['not ASCII', 'schl\u00FCssel'],
    ['too long', 'k'.repeat(256)],
  ])('returns 400 for a key that is %s', async (_label, key) => {
    const response = await system.placeOrder<Problem>(buildOrderRequest(), { 'idempotency-key': key });
    const { errors } = expectProblem(response, 400, 'invalid_request');
    expect(errors?.[0]?.pointer).toBe('Idempotency-Key');
  });
});
