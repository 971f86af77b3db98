import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create();
});
afterAll(() => testEnv.close());

test('confirms an order with available stock and a valid payment method', async () => {
  const input = await testEnv.createOrderInput();
  const { id } = input.order;
  const before = await testEnv.getStock('walnut-desk');

  const order = await testEnv.placeOrder(input);

  expect(order).toMatchObject({ id, status: 'confirmed', payment: 'paid', version: 2 });
  expect(await testEnv.store.orders.find(id)).toEqual(order);
  expect(await testEnv.listEventTypes(id)).toEqual([
    'OrderCreated',
    'StockReserved',
    'PaymentSucceeded',
    'OrderConfirmed',
  ]);
  expect(await testEnv.getStock('walnut-desk')).toEqual({ ...before, reserved: before.reserved + 1 });
  expect(await testEnv.listIntents(id)).toEqual([
    expect.objectContaining({ status: 'succeeded', amount_captured: order.totalMinor, amount_refunded: 0 }),
  ]);
});

test('writes at most 14 history events from placement to confirmation', async () => {
  const input = await testEnv.createOrderInput();
  await testEnv.placeOrder(input);
  const { historyLength } = await testEnv.getHandle(input.order.id).describe();
  expect(historyLength).toBeLessThanOrEqual(14);
});

test('rejects the order, releases the stock and voids the intent when the card is declined', async () => {
  const input = await testEnv.createOrderInput({ 'walnut-desk': 2 }, 'pm_card_visa_chargeDeclined');
  const { id } = input.order;
  const before = await testEnv.getStock('walnut-desk');

  const order = await testEnv.placeOrder(input);

  expect(order).toMatchObject({
    status: 'rejected',
    payment: 'failed',
    rejection: { code: 'payment_declined' },
  });
  expect(await testEnv.getStock('walnut-desk')).toEqual(before);
  expect(await testEnv.listIntents(id)).toEqual([
    expect.objectContaining({ status: 'canceled', amount_captured: 0 }),
  ]);
  expect(await testEnv.listEventTypes(id)).toEqual([
    'OrderCreated',
    'StockReserved',
    'StockReleased',
    'PaymentFailed',
    'OrderRejected',
  ]);
  await expect(testEnv.getHandle(id).result()).resolves.toEqual({ status: 'rejected' });
});

test('rejects an order with a line out of stock, names the line and reserves no other line', async () => {
  const input = await testEnv.createOrderInput({ 'walnut-desk': 1, 'limited-1': 2 });
  const { id } = input.order;
  const before = await testEnv.getStock('walnut-desk');

  const order = await testEnv.placeOrder(input);

  expect(order).toMatchObject({
    status: 'rejected',
    payment: 'none',
    rejection: { code: 'out_of_stock', shortages: [{ sku: 'limited-1', requested: 2, available: 1 }] },
  });
  expect(await testEnv.getStock('walnut-desk')).toEqual(before);
  expect(await testEnv.listIntents(id)).toEqual([]);
  expect(await testEnv.listEventTypes(id)).toEqual(['OrderCreated', 'OrderRejected']);
});
