import type { Order } from '../../domain/orders/order';
import { cancelOrder, getOrder } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { HeldCalls } from '../harness/workflow/held-calls';
import { Lab } from '../harness/workflow/lab';
import { endedWithNothingLeft } from '../harness/workflow/settled';

const calls = new HeldCalls();
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open({ provider: calls.wrap });
});
afterAll(() => lab.close());

const CANCELLED_AFTER_PAYMENT = [
  'OrderCreated',
  'StockReserved',
  'PaymentSucceeded',
  'OrderConfirmed',
  'OrderCancelling',
  'StockReleased',
  'PaymentRefunded',
  'OrderCancelled',
];

async function confirmed(): Promise<string> {
  const order = await lab.place(await lab.input());
  expect(order.status).toBe('confirmed');
  return order.id;
}

/** The actors that the log names for the steps of a cancellation. */
async function cancelledBy(id: string): Promise<string[]> {
  return (await lab.store.log.ofOrder(id))
    .filter((row) => row.type === 'OrderCancelling' || row.type === 'OrderCancelled')
    .map((row) => (JSON.parse(row.body) as { actor: string }).actor);
}

test('a signal with a reason and a name cancels, and both are kept as a claim', async () => {
  const id = await confirmed();

  await lab.handle(id).signal(cancelOrder, { reason: 'bought twice', requestedBy: 'desk 4' });

  const order = await endedWithNothingLeft(lab, id);
  expect(order).toMatchObject({
    status: 'cancelled',
    payment: 'refunded',
    version: 5,
    cancellation: { reason: 'bought twice', requestedBy: { kind: 'signal', claim: 'desk 4' } },
  });
  expect((await lab.story(id)).toSorted()).toEqual(CANCELLED_AFTER_PAYMENT.toSorted());
  expect(await cancelledBy(id)).toEqual(['signal (claims: desk 4)', 'signal (claims: desk 4)']);
});

test.each<[what: string, args: unknown[], reason: string | null]>([
  ['no payload', [], null],
  ['null', [null], null],
  ['a bare string', ['changed my mind'], 'changed my mind'],
  ['a number', [42], null],
  ['a list', [['x']], null],
  ['fields of the wrong type', [{ reason: { deep: true }, requestedBy: 7 }], null],
  ['more arguments than one', [{ reason: 'one' }, 'two'], 'one'],
])('a signal with %s cancels', async (_, args, reason) => {
  const id = await confirmed();

  await lab.handle(id).signal('cancelOrder', ...args);

  const order = await endedWithNothingLeft(lab, id);
  expect(order).toMatchObject({
    status: 'cancelled',
    cancellation: { reason, requestedBy: { kind: 'signal' } },
  });
});

test("Temporal's own cancel is a cancellation too, and the workflow completes", async () => {
  const id = await confirmed();

  await lab.handle(id).cancel();

  const order = await endedWithNothingLeft(lab, id);
  expect(order).toMatchObject({
    status: 'cancelled',
    payment: 'refunded',
    cancellation: { reason: null, requestedBy: { kind: 'temporal' } },
  });
  expect(await cancelledBy(id)).toEqual(['temporal', 'temporal']);
});

test.each<[what: string, first: 'signal' | 'native', second: 'signal' | 'native']>([
  ['a signal and a signal', 'signal', 'signal'],
  ["a signal and Temporal's own cancel", 'signal', 'native'],
  ["Temporal's own cancel and a signal", 'native', 'signal'],
])('%s cancel once, for the first reason', async (_, first, second) => {
  const id = await confirmed();
  const refund = calls.hold(id, 'refund');
  const ask = (how: 'signal' | 'native', reason: string) =>
    how === 'signal' ? lab.handle(id).signal(cancelOrder, { reason }) : lab.handle(id).cancel();

  await ask(first, 'first');
  await refund.reached;
  await ask(second, 'second');
  // The query is answered behind the second request.
  expect((await lab.handle(id).query(getOrder)).status).toBe('cancelling');
  refund.release();

  const order = await endedWithNothingLeft(lab, id);
  expect(order.cancellation).toMatchObject(
    first === 'signal'
      ? { reason: 'first', requestedBy: { kind: 'signal' } }
      : { reason: null, requestedBy: { kind: 'temporal' } },
  );
  expect((await lab.story(id)).toSorted()).toEqual(CANCELLED_AFTER_PAYMENT.toSorted());
});

test('two signals at the same moment cancel once', async () => {
  const id = await confirmed();
  await Promise.all([lab.handle(id).signal(cancelOrder), lab.handle(id).signal(cancelOrder)]);
  await endedWithNothingLeft(lab, id);
  expect((await lab.story(id)).toSorted()).toEqual(CANCELLED_AFTER_PAYMENT.toSorted());
});

test('what looks like personal data in a reason is kept nowhere but in the signal itself', async () => {
  const id = await confirmed();

  await lab.handle(id).signal(cancelOrder, {
    reason: 'write to ada@example.com or call +49 30 1234567',
    requestedBy: 'ada@example.com',
  });

  const order = await endedWithNothingLeft(lab, id);
  expect(order.cancellation).toMatchObject({ reason: 'write to [removed] or call [removed]' });
  const kept = JSON.stringify([order, await lab.store.log.ofOrder(id), await lab.handle(id).query(getOrder)]);
  expect(kept).not.toMatch(/ada@example|1234567/);
  expect(await lab.currentDetails(id)).not.toMatch(/ada@example|1234567/);
});

test('a cancellation after the end is refused by the server and changes nothing', async () => {
  const id = await confirmed();
  await lab.handle(id).signal(cancelOrder);
  const order = await endedWithNothingLeft(lab, id);

  await expect(lab.handle(id).signal(cancelOrder)).rejects.toThrow(/already completed|not found/i);

  expect(await lab.store.orders.find(id)).toEqual(order);
});

test('while it is being cancelled the order says so, with its stock back before its money', async () => {
  const before = await lab.stockOf('walnut-desk');
  const id = await confirmed();
  const refund = calls.hold(id, 'refund');

  await lab.handle(id).signal(cancelOrder, { reason: 'too late' });
  await refund.reached;

  await eventually(
    'the stock to be back',
    async () => (await lab.stockOf('walnut-desk')).reserved === before.reserved,
  );
  const asked: Partial<Order> = { status: 'cancelling', payment: 'refund_pending' };
  expect(await lab.handle(id).query(getOrder)).toMatchObject(asked);
  expect(await lab.store.orders.find(id)).toMatchObject(asked);
  expect(await lab.currentDetails(id)).toContain('**cancelling** · payment refund_pending');
  refund.release();

  await endedWithNothingLeft(lab, id);
  expect(await lab.story(id)).toEqual(CANCELLED_AFTER_PAYMENT);
  expect(await lab.stockOf('walnut-desk')).toEqual(before);
});
