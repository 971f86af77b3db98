import { Lab } from '../harness/workflow/lab';

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterAll(() => lab.close());

test('an order that can be served and paid is confirmed', async () => {
  const input = await lab.input();
  const { id } = input.order;
  const before = await lab.stockOf('walnut-desk');

  const order = await lab.place(input);

  expect(order).toMatchObject({ id, status: 'confirmed', payment: 'paid', version: 2 });
  expect(await lab.store.orders.find(id)).toEqual(order);
  expect(await lab.story(id)).toEqual([
    'OrderCreated',
    'StockReserved',
    'PaymentSucceeded',
    'OrderConfirmed',
  ]);
  expect(await lab.stockOf('walnut-desk')).toEqual({ ...before, reserved: before.reserved + 1 });
  expect(await lab.intents(id)).toEqual([
    expect.objectContaining({ status: 'succeeded', amount_captured: order.totalMinor, amount_refunded: 0 }),
  ]);
});

test('an order from placement to confirmed writes at most 18 events of history', async () => {
  const input = await lab.input();
  await lab.place(input);
  const { historyLength } = await lab.handle(input.order.id).describe();
  expect(historyLength).toBeLessThanOrEqual(18);
});

test('a declined card leaves stock as it was and nothing to pay', async () => {
  const input = await lab.input({ 'walnut-desk': 2 }, 'pm_card_visa_chargeDeclined');
  const { id } = input.order;
  const before = await lab.stockOf('walnut-desk');

  const order = await lab.place(input);

  expect(order).toMatchObject({
    status: 'rejected',
    payment: 'failed',
    rejection: { code: 'payment_declined' },
  });
  expect(await lab.stockOf('walnut-desk')).toEqual(before);
  expect(await lab.intents(id)).toEqual([
    expect.objectContaining({ status: 'canceled', amount_captured: 0 }),
  ]);
  expect(await lab.story(id)).toEqual([
    'OrderCreated',
    'StockReserved',
    'StockReleased',
    'PaymentFailed',
    'OrderRejected',
  ]);
  await expect(lab.handle(id).result()).resolves.toEqual({ status: 'rejected' });
});

test('an order that is out of stock names the lines, and reserves none of the others', async () => {
  const input = await lab.input({ 'walnut-desk': 1, 'limited-1': 2 });
  const { id } = input.order;
  const before = await lab.stockOf('walnut-desk');

  const order = await lab.place(input);

  expect(order).toMatchObject({
    status: 'rejected',
    payment: 'none',
    rejection: { code: 'out_of_stock', shortages: [{ sku: 'limited-1', requested: 2, available: 1 }] },
  });
  expect(await lab.stockOf('walnut-desk')).toEqual(before);
  expect(await lab.intents(id)).toEqual([]);
  expect(await lab.story(id)).toEqual(['OrderCreated', 'OrderRejected']);
});
