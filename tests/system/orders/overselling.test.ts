import { DIALECTS } from '../../harness/servers/databases';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, expectProblem, type Problem } from './orders';

describe.each(DIALECTS)('concurrent orders for scarce stock on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect });
  });
  afterAll(() => system?.close());

  test.each([
    ['limited-50', 200, 50],
    ['limited-1', 20, 1],
  ])('%s: of %i concurrent orders exactly %i are confirmed', async (sku, buyers, units) => {
    const earlierIntents = new Set((await system.listIntents()).map((intent) => intent.id));

    const responses = await Promise.all(
      Array.from({ length: buyers }, () =>
        system.placeOrder(buildOrderRequest({ [sku]: 1 }), { prefer: 'wait=60' }),
      ),
    );

    const confirmed = responses.filter((a) => a.status === 201);
    const rejected = responses.filter((a) => a.status !== 201);
    expect(confirmed).toHaveLength(units);
    for (const response of rejected) {
      const { errors } = expectProblem(response, 409, 'out_of_stock');
      expect(errors).toEqual([expect.objectContaining({ sku, requested: 1, available: 0 })]);
    }
    expect(await system.getStock(sku)).toEqual({ onHand: units, reserved: units, available: 0 });
    const payments = (await system.listIntents()).filter((intent) => !earlierIntents.has(intent.id));
    expect(payments.map((p) => p.order_id).sort()).toEqual(confirmed.map((a) => a.body.id).sort());
    expect(payments.every((p) => p.amount_captured === p.amount && p.amount_refunded === 0)).toBe(true);
    expect(await system.listDoublePayments()).toEqual([]);
    const orders = await system.listOrders();
    const rejectedIds = rejected.map((a) => (a as unknown as { body: Problem }).body.orderId);
    expect(orders.filter((o) => rejectedIds.includes(o.id)).every((o) => o.status === 'rejected')).toBe(true);
  });

  test('the stock released by a cancelled order can be sold once', async () => {
    const [holder] = (await system.listOrders('&status=confirmed')).filter((o) => o.total.amount === 250_000);
    const cancelled = await system.request(`/api/orders/${holder?.id}/cancel`, {
      method: 'POST',
      headers: { prefer: 'wait=20' },
    });
    expect(cancelled.body.status).toBe('cancelled');

    const responses = await Promise.all(
      Array.from({ length: 5 }, () => system.placeOrder(buildOrderRequest({ 'limited-1': 1 }))),
    );

    expect(responses.map((a) => a.status).sort()).toEqual([201, 409, 409, 409, 409]);
    expect(await system.getStock('limited-1')).toEqual({ onHand: 1, reserved: 1, available: 0 });
  });
});
