import { DIALECTS } from '../../harness/servers/databases';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, expectProblem, type Problem } from './orders';

describe.each(DIALECTS)('a rush for the last ones on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect });
  });
  afterAll(() => system?.close());

  test.each([
    ['limited-50', 200, 50],
    ['limited-1', 20, 1],
  ])('of %s, %i orders at once get exactly %i', async (sku, buyers, units) => {
    const booked = new Set((await system.listIntents()).map((intent) => intent.id));

    const answers = await Promise.all(
      Array.from({ length: buyers }, () =>
        system.placeOrder(buildOrderRequest({ [sku]: 1 }), { prefer: 'wait=60' }),
      ),
    );

    const won = answers.filter((a) => a.status === 201);
    const lost = answers.filter((a) => a.status !== 201);
    expect(won).toHaveLength(units);
    for (const answer of lost) {
      const { errors } = expectProblem(answer, 409, 'out_of_stock');
      expect(errors).toEqual([expect.objectContaining({ sku, requested: 1, available: 0 })]);
    }
    expect(await system.getStock(sku)).toEqual({ onHand: units, reserved: units, available: 0 });
    const payments = (await system.listIntents()).filter((intent) => !booked.has(intent.id));
    expect(payments.map((p) => p.order_id).sort()).toEqual(won.map((a) => a.body.id).sort());
    expect(payments.every((p) => p.amount_captured === p.amount && p.amount_refunded === 0)).toBe(true);
    expect(await system.listDoublePayments()).toEqual([]);
    const orders = await system.listOrders();
    const refused = lost.map((a) => (a as unknown as { body: Problem }).body.orderId);
    expect(orders.filter((o) => refused.includes(o.id)).every((o) => o.status === 'rejected')).toBe(true);
  });

  test('what a cancelled order gives back can be bought again, once', async () => {
    const [holder] = (await system.listOrders('&status=confirmed')).filter((o) => o.total.amount === 250_000);
    const cancelled = await system.request(`/api/orders/${holder?.id}/cancel`, {
      method: 'POST',
      headers: { prefer: 'wait=20' },
    });
    expect(cancelled.body.status).toBe('cancelled');

    const answers = await Promise.all(
      Array.from({ length: 5 }, () => system.placeOrder(buildOrderRequest({ 'limited-1': 1 }))),
    );

    expect(answers.map((a) => a.status).sort()).toEqual([201, 409, 409, 409, 409]);
    expect(await system.getStock('limited-1')).toEqual({ onHand: 1, reserved: 1, available: 0 });
  });
});
