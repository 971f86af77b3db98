import type { Order } from '../../domain/orders/order';
import { cancelOrder, getOrder } from '../../workflows/orders/messages';
import { eventually } from '../harness/eventually';
import { expectFullyCompensated } from '../harness/workflow/order-assertions';
import { PaymentCallInterceptor } from '../harness/workflow/payment-call-interceptor';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

const paymentCalls = new PaymentCallInterceptor();
let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create({ wrapProvider: paymentCalls.wrapProvider });
});
afterEach(() => paymentCalls.resumeAll());
afterAll(() => testEnv.close());

const CANCELLED_EVENTS = [
  'OrderCreated',
  'StockReserved',
  'PaymentSucceeded',
  'OrderConfirmed',
  'OrderCancellationStarted',
  'StockReleased',
  'PaymentRefunded',
  'OrderCancelled',
];

async function placeConfirmedOrder(): Promise<string> {
  const order = await testEnv.placeOrder(await testEnv.createOrderInput());
  expect(order.status).toBe('confirmed');
  return order.id;
}

/** @returns the actors of an order's cancellation events. */
async function listCancellationActors(id: string): Promise<string[]> {
  return (await testEnv.store.log.findByOrder(id))
    .filter((row) => row.type === 'OrderCancellationStarted' || row.type === 'OrderCancelled')
    .map((row) => (JSON.parse(row.body) as { actor: string }).actor);
}

test('commands that a run could not handle before it continued as new are handled by the next run', async () => {
  const input = await testEnv.createOrderInput();
  const { id } = await testEnv.placeOrder(input);
  await testEnv.getHandle(id).terminate('as if it had continued as new');
  const request = {
    reason: 'bought twice',
    requestedBy: { kind: 'signal' as const },
    requestedAtMs: Date.now(),
  };
  await testEnv.startOrder({ ...input, commands: [{ action: 'cancel', request }] });
  expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
    cancellation: { reason: 'bought twice' },
  });
});

test('an order with a long history continues as new while its refund is retried', async () => {
  const id = await placeConfirmedOrder();
  const { runId } = await testEnv.getHandle(id).describe();
  await testEnv.injectFault({ operation: 'refund', mode: 'fail_before', match: { orderId: id } });
  const SIGNALS_AT_ONCE = 500;
  // The server suggests to continue as new after 4,096 events.
  for (let sent = 0; sent < 4_500; sent += SIGNALS_AT_ONCE) {
    const signals = Array.from({ length: SIGNALS_AT_ONCE }, () => testEnv.getHandle(id).signal(cancelOrder));
    await Promise.all(signals);
  }
  await eventually('the order to continue as new', async () => {
    const first = await testEnv.client.workflow.getHandle(id, runId).describe();
    return first.status.name === 'CONTINUED_AS_NEW';
  });
  await testEnv.clearFaults();
  expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
    status: 'cancelled',
    payment: 'refunded',
  });
});

test('a signal with a reason and a requester cancels, and stores both as an unverified claim', async () => {
  const id = await placeConfirmedOrder();

  await testEnv.getHandle(id).signal(cancelOrder, { reason: 'bought twice', requestedBy: 'desk 4' });

  const order = await expectFullyCompensated(testEnv, id);
  expect(order).toMatchObject({
    status: 'cancelled',
    payment: 'refunded',
    version: 5,
    cancellation: { reason: 'bought twice', requestedBy: { kind: 'signal', claim: 'desk 4' } },
  });
  expect((await testEnv.listEventTypes(id)).toSorted()).toEqual(CANCELLED_EVENTS.toSorted());
  expect(await listCancellationActors(id)).toEqual(['signal (claims: desk 4)', 'signal (claims: desk 4)']);
});

test.each<[payload: string, args: unknown[], reason: string | null]>([
  ['no payload', [], null],
  ['null', [null], null],
  ['a bare string', ['changed my mind'], 'changed my mind'],
  ['a number', [42], null],
  ['a list', [['x']], null],
  ['fields of the wrong type', [{ reason: { deep: true }, requestedBy: 7 }], null],
  ['several arguments', [{ reason: 'one' }, 'two'], 'one'],
])('a signal with %s cancels', async (_, args, reason) => {
  const id = await placeConfirmedOrder();

  await testEnv.getHandle(id).signal('cancelOrder', ...args);

  const order = await expectFullyCompensated(testEnv, id);
  expect(order).toMatchObject({
    status: 'cancelled',
    cancellation: { reason, requestedBy: { kind: 'signal' } },
  });
});

test('cancelling the workflow in Temporal cancels the order, and the workflow completes', async () => {
  const id = await placeConfirmedOrder();

  await testEnv.getHandle(id).cancel();

  const order = await expectFullyCompensated(testEnv, id);
  expect(order).toMatchObject({
    status: 'cancelled',
    payment: 'refunded',
    cancellation: { reason: null, requestedBy: { kind: 'temporal' } },
  });
  expect(await listCancellationActors(id)).toEqual(['temporal', 'temporal']);
});

test.each<[requests: string, first: 'signal' | 'native', second: 'signal' | 'native']>([
  ['two signals', 'signal', 'signal'],
  ['a signal and a Temporal cancel', 'signal', 'native'],
  ['a Temporal cancel and a signal', 'native', 'signal'],
])('%s cancel once, with the first reason', async (_, first, second) => {
  const id = await placeConfirmedOrder();
  const refund = paymentCalls.pause(id, 'refund');
  const requestCancellation = (kind: 'signal' | 'native', reason: string) =>
    kind === 'signal'
      ? testEnv.getHandle(id).signal(cancelOrder, { reason })
      : testEnv.getHandle(id).cancel();

  await requestCancellation(first, 'first');
  await refund.reached;
  await requestCancellation(second, 'second');
  // The workflow processes the second request before the query.
  expect((await testEnv.getHandle(id).query(getOrder)).status).toBe('cancelling');
  refund.resume();

  const order = await expectFullyCompensated(testEnv, id);
  expect(order.cancellation).toMatchObject(
    first === 'signal'
      ? { reason: 'first', requestedBy: { kind: 'signal' } }
      : { reason: null, requestedBy: { kind: 'temporal' } },
  );
  expect((await testEnv.listEventTypes(id)).toSorted()).toEqual(CANCELLED_EVENTS.toSorted());
});

test('two concurrent signals cancel once', async () => {
  const id = await placeConfirmedOrder();
  await Promise.all([testEnv.getHandle(id).signal(cancelOrder), testEnv.getHandle(id).signal(cancelOrder)]);
  await expectFullyCompensated(testEnv, id);
  expect((await testEnv.listEventTypes(id)).toSorted()).toEqual(CANCELLED_EVENTS.toSorted());
});

test('removes personal data from the reason everywhere but in the signal itself', async () => {
  const id = await placeConfirmedOrder();

  await testEnv.getHandle(id).signal(cancelOrder, {
    reason: 'write to ada@example.com or call +49 30 1234567',
    requestedBy: 'ada@example.com',
  });

  const order = await expectFullyCompensated(testEnv, id);
  expect(order.cancellation).toMatchObject({ reason: 'write to [removed] or call [removed]' });
  const stored = JSON.stringify([
    order,
    await testEnv.store.log.findByOrder(id),
    await testEnv.getHandle(id).query(getOrder),
  ]);
  expect(stored).not.toMatch(/ada@example|1234567/);
  expect(await testEnv.getCurrentDetails(id)).not.toMatch(/ada@example|1234567/);
});

test('Temporal rejects a cancellation of a closed order, and nothing changes', async () => {
  const id = await placeConfirmedOrder();
  await testEnv.getHandle(id).signal(cancelOrder);
  const order = await expectFullyCompensated(testEnv, id);

  await expect(testEnv.getHandle(id).signal(cancelOrder)).rejects.toThrow(/already completed|not found/i);

  expect(await testEnv.store.orders.find(id)).toEqual(order);
});

test('an order in cancellation has status cancelling, and its stock is released before the refund', async () => {
  const before = await testEnv.getStock('walnut-desk');
  const id = await placeConfirmedOrder();
  const refund = paymentCalls.pause(id, 'refund');

  await testEnv.getHandle(id).signal(cancelOrder, { reason: 'too late' });
  await refund.reached;

  await eventually(
    'the stock to be released',
    async () => (await testEnv.getStock('walnut-desk')).reserved === before.reserved,
  );
  const cancelling: Partial<Order> = { status: 'cancelling', payment: 'refund_pending' };
  expect(await testEnv.getHandle(id).query(getOrder)).toMatchObject(cancelling);
  expect(await testEnv.store.orders.find(id)).toMatchObject(cancelling);
  expect(await testEnv.getCurrentDetails(id)).toContain('**cancelling** · payment refund_pending');
  refund.resume();

  await expectFullyCompensated(testEnv, id);
  expect(await testEnv.listEventTypes(id)).toEqual(CANCELLED_EVENTS);
  expect(await testEnv.getStock('walnut-desk')).toEqual(before);
});
