import { DIALECTS } from '../../harness/servers/databases';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, DECLINED_CARD, expectProblem, generateEmail, type Problem } from './orders';

describe.each(DIALECTS)('idempotency keys on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect });
  });
  afterAll(() => system?.close());

  let keys = 0;
  const newKey = () => {
    keys += 1;
    return { 'idempotency-key': `key-${keys}` };
  };

  test('twenty requests with one key at once are one order, one payment and twenty equal answers', async () => {
    const [body, key] = [buildOrderRequest(), newKey()];
    const before = await system.getStock('walnut-desk');

    const answers = await Promise.all(Array.from({ length: 20 }, () => system.placeOrder(body, key)));

    expect(new Set(answers.map((a) => a.status))).toEqual(new Set([201]));
    expect(new Set(answers.map((a) => a.text)).size).toBe(1);
    expect(new Set(answers.map((a) => a.headers.etag)).size).toBe(1);
    expect(answers.filter((a) => a.headers['idempotent-replayed'] === 'true')).toHaveLength(19);
    const { id, customerId } = answers[0]!.body;
    expect((await system.listOrders(`&customerId=${customerId}`)).map((order) => order.id)).toEqual([id]);
    expect(await system.listIntents(id)).toHaveLength(1);
    expect((await system.getStock('walnut-desk')).reserved).toBe(before.reserved + 1);
  });

  test('the same order written another way is the same order', async () => {
    const [body, key] = [buildOrderRequest(), newKey()];
    const { items, ...rest } = body;
    const first = await system.placeOrder(body, key);
    const second = await system.placeOrder(
      { ...rest, customer: { ...body.customer, email: body.customer.email.toUpperCase() }, items },
      key,
    );
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.text).toBe(first.text);
  });

  test('a key with another body is refused with 422, and changes nothing', async () => {
    const key = newKey();
    const email = generateEmail();
    const { body } = await system.placeOrder(buildOrderRequest({ 'walnut-desk': 1 }, { email }), key);
    const other = await system.placeOrder(buildOrderRequest({ 'walnut-desk': 2 }, { email }), key);
    expectProblem(other, 422, 'idempotency_key_reused');
    expect(await system.listOrders(`&customerId=${body.customerId}`)).toHaveLength(1);
  });

  test.each([
    ['402', buildOrderRequest({ 'walnut-desk': 1 }, { method: DECLINED_CARD })],
    ['409', buildOrderRequest({ 'walnut-desk': 1, 'limited-1': 2 })],
  ])('a refusal with %s is given again, word for word but the id of the request', async (_status, body) => {
    const key = newKey();
    const first = await system.placeOrder<Problem>(body, key);
    const second = await system.placeOrder<Problem>(body, key);
    expect(second.status).toBe(first.status);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.body).toEqual({ ...first.body, requestId: second.body.requestId });
    expect(second.body.requestId).not.toBe(first.body.requestId);
    expect((await system.listIntents(String(first.body.orderId))).length).toBeLessThanOrEqual(1);
  });

  test('an order cancelled later still gives its first answer to its key', async () => {
    const [body, key] = [buildOrderRequest(), newKey()];
    const first = await system.placeOrder(body, key);
    const path = `/api/orders/${first.body.id}`;
    await system.request(`${path}/cancel`, { method: 'POST', headers: { prefer: 'wait=20' } });

    const again = await system.placeOrder(body, key);

    expect(again.status).toBe(201);
    expect(again.text).toBe(first.text);
    expect(await system.getOrder(first.body.id)).toMatchObject({ status: 'cancelled', payment: 'refunded' });
    expect(await system.listIntents(first.body.id)).toHaveLength(1);
  });

  test('a key that is still being decided is answered with 202, then with the decision', async () => {
    const [body, key] = [buildOrderRequest(), newKey()];
    await system.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_500 });
    const first = await system.placeOrder(body, { ...key, prefer: 'respond-async' });
    const meanwhile = await system.placeOrder(body, { ...key, prefer: 'wait=0' });
    const last = await system.placeOrder(body, key);
    expect([first.status, meanwhile.status, last.status]).toEqual([202, 202, 201]);
    expect(meanwhile.headers['idempotent-replayed']).toBe('true');
    expect(new Set([first.body.id, meanwhile.body.id, last.body.id]).size).toBe(1);
    expect(await system.listIntents(last.body.id)).toHaveLength(1);
  });

  test.each([
    ['empty', ''],
    ['with a space', 'a b'],
    ['beyond ASCII', 'schl\u00FCssel'],
    ['too long', 'k'.repeat(256)],
  ])('a key that is %s is refused with 400', async (_what, key) => {
    const answer = await system.placeOrder<Problem>(buildOrderRequest(), { 'idempotency-key': key });
    const { errors } = expectProblem(answer, 400, 'invalid_request');
    expect(errors?.[0]?.pointer).toBe('Idempotency-Key');
  });
});
