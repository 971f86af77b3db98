import { createPaymentActivities } from '../../activities/payments';
import type { OrderPolicy } from '../../domain/shared/policy';
import { cancelOrder, getOrder, ORDER_WORKFLOW, type OrderInput } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { expectFullyCompensated } from '../harness/workflow/order-assertions';
import { PaymentCallInterceptor } from '../harness/workflow/payment-call-interceptor';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

const paymentCalls = new PaymentCallInterceptor();
let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  // Long enough that a cancelled payment never ends by its deadline.
  testEnv = await WorkflowTestEnv.create({
    wrapProvider: paymentCalls.wrapProvider,
    policy: { paymentDeadlineMs: 120_000 },
  });
});
afterEach(() => testEnv.clearFaults());
afterAll(() => testEnv.close());

const CANCEL_REQUEST = { reason: 'changed my mind', requestedBy: 'desk 4' };
/** Well below the payment deadline, far above what a cancellation takes. */
const CANCELLATION_TIMEOUT_MS = 15_000;

async function createInputWithPolicy(policy: Partial<OrderPolicy> = {}): Promise<OrderInput> {
  const input = await testEnv.createOrderInput();
  return { ...input, policy: { ...input.policy, ...policy } };
}

/** The stories of undoing run side by side: the first are told in any order. */
const sortEventTypes = (story: readonly string[]): string[] => story.toSorted();

describe('before anything was reserved', () => {
  afterEach(() => testEnv.startWorkers());

  test('a signal sent with the start reserves nothing and pays nothing', async () => {
    const input = await createInputWithPolicy();
    const { id } = input.order;
    const before = await testEnv.getStock('walnut-desk');
    await testEnv.stopWorkers();
    await testEnv.client.workflow.signalWithStart(ORDER_WORKFLOW, {
      workflowId: id,
      taskQueue: testEnv.queues.orders,
      args: [input],
      signal: cancelOrder,
      signalArgs: [CANCEL_REQUEST],
    });
    await testEnv.startWorkers();

    const order = await expectFullyCompensated(testEnv, id);
    await testEnv.stopWorkers();
    expect(order).toMatchObject({
      status: 'cancelled',
      payment: 'none',
      cancellation: {
        reason: CANCEL_REQUEST.reason,
        requestedBy: { kind: 'signal', claim: CANCEL_REQUEST.requestedBy },
      },
    });
    expect(await testEnv.listEventTypes(id)).toEqual([
      'OrderCreated',
      'OrderCancellationStarted',
      'OrderCancelled',
    ]);
    expect(await testEnv.listIntents(id)).toEqual([]);
    expect(await testEnv.getStock('walnut-desk')).toEqual(before);
  });

  test("a signal, or Temporal's own cancel, while no worker runs pays nothing", async () => {
    const [signalled, cancelled] = await Promise.all([createInputWithPolicy(), createInputWithPolicy()]);
    const before = await testEnv.getStock('walnut-desk');
    await testEnv.stopWorkers();
    await Promise.all([testEnv.startOrder(signalled), testEnv.startOrder(cancelled)]);
    await testEnv.getHandle(signalled.order.id).signal(cancelOrder);
    await testEnv.getHandle(cancelled.order.id).cancel();
    await testEnv.startWorkers();

    for (const { id } of [signalled.order, cancelled.order]) {
      expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
        status: 'cancelled',
        payment: 'none',
      });
      expect(await testEnv.listIntents(id)).toEqual([]);
    }
    expect(await testEnv.listEventTypes(signalled.order.id)).toEqual([
      'OrderCreated',
      'OrderCancellationStarted',
      'OrderCancelled',
    ]);
    expect(await testEnv.getStock('walnut-desk')).toEqual(before);
    await testEnv.stopWorkers();
  });
});

describe('before the payment', () => {
  test('it is awaited and given back: one intent, refunded once', async () => {
    const input = await createInputWithPolicy();
    const { id } = input.order;
    const create = paymentCalls.pause(id, 'createIntent');
    await testEnv.startOrder(input);
    await create.reached;

    await testEnv.getHandle(id).signal(cancelOrder, CANCEL_REQUEST);
    expect((await testEnv.getHandle(id).query(getOrder)).status).toBe('placed');
    create.resume();

    expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
      status: 'cancelled',
      payment: 'refunded',
    });
    expect(sortEventTypes(await testEnv.listEventTypes(id))).toEqual(
      sortEventTypes([
        'OrderCreated',
        'StockReserved',
        'PaymentSucceeded',
        'OrderCancellationStarted',
        'StockReleased',
        'PaymentRefunded',
        'OrderCancelled',
      ]),
    );
  });
});

describe('while the payment is in flight', () => {
  test.each<[who: string, at: 'before' | 'after', how: 'signal' | 'native']>([
    ['a signal before the provider hears of it', 'before', 'signal'],
    ['a signal when it has the money', 'after', 'signal'],
    ["Temporal's own cancel when it has the money", 'after', 'native'],
  ])('%s: awaited, then refunded once', async (_, at, how) => {
    const input = await createInputWithPolicy();
    const { id } = input.order;
    const authorize = paymentCalls.pause(id, 'authorize', at);
    const decision = testEnv.placeOrder(input);
    await authorize.reached;

    await (how === 'signal' ? testEnv.getHandle(id).signal(cancelOrder) : testEnv.getHandle(id).cancel());
    await testEnv.getHandle(id).query(getOrder);
    authorize.resume();

    // Whoever waits for the placement is told.
    expect(await decision).toMatchObject({ id, status: 'cancelling', payment: 'refund_pending' });
    const order = await expectFullyCompensated(testEnv, id);
    expect(order).toMatchObject({ status: 'cancelled', payment: 'refunded' });
    expect(await testEnv.listIntents(id)).toEqual([
      expect.objectContaining({ amount_captured: order.totalMinor, amount_refunded: order.totalMinor }),
    ]);
    expect((await testEnv.listEventTypes(id)).filter((type) => type === 'PaymentRefunded')).toHaveLength(1);
  });

  test('a slow provider is awaited too', async () => {
    const input = await createInputWithPolicy();
    const { id } = input.order;
    await testEnv.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 700, match: { orderId: id } });
    await testEnv.startOrder(input);
    await eventually('the intent to be there', async () => (await testEnv.listIntents(id)).length === 1);

    await testEnv.getHandle(id).signal(cancelOrder);

    await expectFullyCompensated(testEnv, id);
    expect(await testEnv.listIntents(id)).toEqual([expect.objectContaining({ status: 'succeeded' })]);
  });

  test('a card that is then declined ends in a cancelled order with nothing to pay', async () => {
    const input = { ...(await createInputWithPolicy()), paymentMethod: 'pm_card_visa_chargeDeclined' };
    const { id } = input.order;
    const authorize = paymentCalls.pause(id, 'authorize');
    await testEnv.startOrder(input);
    await authorize.reached;

    await testEnv.getHandle(id).signal(cancelOrder);
    await testEnv.getHandle(id).query(getOrder);
    authorize.resume();

    expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
      status: 'cancelled',
      payment: 'failed',
    });
    expect(await testEnv.listIntents(id)).toEqual([
      expect.objectContaining({ status: 'canceled', amount_captured: 0 }),
    ]);
  });
});

describe('while the payment is tried again and again', () => {
  test.each<[operation: string, how: 'signal' | 'native', payment: string]>([
    ['create', 'signal', 'none'],
    ['confirm', 'native', 'voided'],
  ])('a failing %s is given up at once and can take nothing later (%s)', async (operation, how, payment) => {
    const input = await createInputWithPolicy();
    const { id, totalMinor: amountMinor, currency } = input.order;
    await testEnv.injectFault({ operation, mode: 'fail_before', times: null, match: { orderId: id } });
    await testEnv.startOrder(input);
    await eventually('a second attempt', async () => (await testEnv.getActivityAttempt(id)) >= 2);

    const askedMs = performance.now();
    await (how === 'signal' ? testEnv.getHandle(id).signal(cancelOrder) : testEnv.getHandle(id).cancel());
    const order = await expectFullyCompensated(testEnv, id);

    expect(performance.now() - askedMs).toBeLessThan(CANCELLATION_TIMEOUT_MS);
    expect(order).toMatchObject({ status: 'cancelled', payment });
    // An attempt that lost its worker comes to life: the try is over.
    await testEnv.clearFaults();
    const { capturePayment } = createPaymentActivities(testEnv.store, testEnv.provider);
    await expect(
      capturePayment({ orderId: id, attempt: 1, amountMinor, currency, paymentMethod: 'pm_card_visa' }),
    ).rejects.toMatchObject({ type: 'PaymentAttemptSealed', nonRetryable: true });
    expect((await testEnv.listIntents(id)).map((i) => [i.status, i.amount_captured])).toEqual([
      ['canceled', 0],
    ]);
  });

  test('a payment that was made but whose answer was always lost is refunded once', async () => {
    const input = await createInputWithPolicy();
    const { id } = input.order;
    await testEnv.injectFault({
      operation: 'confirm',
      mode: 'drop_after',
      times: null,
      match: { orderId: id },
    });
    await testEnv.startOrder(input);
    await eventually('a second attempt', async () => (await testEnv.getActivityAttempt(id)) >= 2);

    await testEnv.getHandle(id).signal(cancelOrder);

    const order = await expectFullyCompensated(testEnv, id);
    expect(order).toMatchObject({ status: 'cancelled', payment: 'refunded' });
    expect(await testEnv.listIntents(id)).toEqual([
      expect.objectContaining({ amount_captured: order.totalMinor, amount_refunded: order.totalMinor }),
    ]);
    expect((await testEnv.listEventTypes(id)).filter((type) => type === 'PaymentRefunded')).toHaveLength(1);
  });
});

test('a cancellation that comes while the order is being rejected is written down and changes nothing', async () => {
  const input = await createInputWithPolicy({ paymentDeadlineMs: 600, attentionAfterMs: 30_000 });
  const { id } = input.order;
  await testEnv.injectFault({
    operation: 'confirm',
    mode: 'fail_before',
    times: null,
    match: { orderId: id },
  });
  const undo = paymentCalls.pause(id, 'void');
  const decision = testEnv.placeOrder(input);
  await undo.reached;

  await testEnv.getHandle(id).signal(cancelOrder, CANCEL_REQUEST);
  await testEnv.getHandle(id).cancel();
  await eventually('both refusals in the log', async () => {
    const story = await testEnv.listEventTypes(id);
    return story.filter((type) => type === 'CancellationRejected').length === 2;
  });
  expect((await testEnv.getHandle(id).query(getOrder)).status).toBe('placed');
  undo.resume();

  expect(await decision).toMatchObject({ status: 'rejected', rejection: { code: 'payment_unavailable' } });
  const order = await expectFullyCompensated(testEnv, id);
  expect(order).toMatchObject({ status: 'rejected', cancellation: null });
  const refused = (await testEnv.store.log.findByOrder(id)).filter(
    (row) => row.type === 'CancellationRejected',
  );
  // Counted for each kind of asker: should a worker die, the repeated task may come to them in another order.
  expect(refused.map(({ eventKey }) => eventKey)).toEqual([
    `${id}:cancellation-rejected:signal:1`,
    `${id}:cancellation-rejected:temporal:1`,
  ]);
  const refusals = refused.map((row) => JSON.parse(row.body) as { actor: string; data: unknown });
  const why = 'The order is being rejected: payment_unavailable';
  expect(refusals.map(({ actor, data }) => [actor, data])).toEqual([
    ['signal (claims: desk 4)', { reason: 'changed my mind', why }],
    ['temporal', { reason: null, why }],
  ]);
});
