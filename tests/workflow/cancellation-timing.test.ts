import { cancelOrder, getOrder, ORDER_WORKFLOW } from '../../workflows/orders/messages';
import { eventually } from '../harness/eventually';
import { expectFullyCompensated } from '../harness/workflow/order-assertions';
import { PaymentCallInterceptor } from '../harness/workflow/payment-call-interceptor';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

const paymentCalls = new PaymentCallInterceptor();
let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  // Long enough that the payment deadline never ends a cancelled payment.
  testEnv = await WorkflowTestEnv.create({
    wrapProvider: paymentCalls.wrapProvider,
    policy: { paymentDeadlineMs: 120_000 },
  });
});
afterEach(() => paymentCalls.resumeAll());
afterEach(() => testEnv.clearFaults());
afterAll(() => testEnv.close());

const CANCEL_REQUEST = { reason: 'changed my mind', requestedBy: 'desk 4' };
/** Well below the payment deadline, far above the duration of a cancellation. */
const CANCELLATION_TIMEOUT_MS = 15_000;

/** Compensations run concurrently, so the order of their events varies. */
const sortEventTypes = (eventTypes: readonly string[]): string[] => eventTypes.toSorted();

describe('a cancellation before the reservation', () => {
  afterEach(() => testEnv.startWorkers());

  test('by signal-with-start reserves nothing and captures nothing', async () => {
    const input = await testEnv.createOrderInput();
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

  test('by a signal or a Temporal cancel while no worker runs captures nothing', async () => {
    const [signalled, cancelled] = await Promise.all([
      testEnv.createOrderInput(),
      testEnv.createOrderInput(),
    ]);
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

describe('a cancellation before the payment', () => {
  test('waits for the payment, then refunds its single intent once', async () => {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    const create = paymentCalls.pause(id, 'createIntent');
    await testEnv.startOrder(input);
    await create.reached;

    await testEnv.getHandle(id).signal(cancelOrder, CANCEL_REQUEST);
    expect((await testEnv.getHandle(id).query(getOrder)).status).toBe('cancelling');
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

describe('a cancellation during the payment', () => {
  test.each<[request: string, at: 'before' | 'after', kind: 'signal' | 'native']>([
    ['a signal before the provider receives the request', 'before', 'signal'],
    ['a signal after the provider captured the payment', 'after', 'signal'],
    ['a Temporal cancel after the provider captured the payment', 'after', 'native'],
  ])('%s: waits for the in-flight payment, then refunds once', async (_, at, kind) => {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    const authorize = paymentCalls.pause(id, 'authorize', at);
    const decision = testEnv.placeOrder(input);
    await authorize.reached;

    await (kind === 'signal' ? testEnv.getHandle(id).signal(cancelOrder) : testEnv.getHandle(id).cancel());
    await testEnv.getHandle(id).query(getOrder);
    authorize.resume();

    expect(await decision).toMatchObject({ id, status: 'cancelling' });
    const order = await expectFullyCompensated(testEnv, id);
    expect(order).toMatchObject({ status: 'cancelled', payment: 'refunded' });
    expect(await testEnv.listIntents(id)).toEqual([
      expect.objectContaining({ amount_captured: order.totalMinor, amount_refunded: order.totalMinor }),
    ]);
    expect((await testEnv.listEventTypes(id)).filter((type) => type === 'PaymentRefunded')).toHaveLength(1);
  });

  test('waits for a slow provider', async () => {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    await testEnv.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 700, match: { orderId: id } });
    await testEnv.startOrder(input);
    await eventually('the intent to be created', async () => (await testEnv.listIntents(id)).length === 1);

    await testEnv.getHandle(id).signal(cancelOrder);

    await expectFullyCompensated(testEnv, id);
    expect(await testEnv.listIntents(id)).toEqual([expect.objectContaining({ status: 'succeeded' })]);
  });

  test('cancels the order and voids the intent when the card is then declined', async () => {
    const input = await testEnv.createOrderInput({ 'walnut-desk': 1 }, 'pm_card_visa_chargeDeclined');
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

describe('a cancellation while the payment is retried', () => {
  test.each<[operation: string, kind: 'signal' | 'native', payment: string]>([
    ['create', 'signal', 'none'],
    ['confirm', 'native', 'voided'],
  ])(
    'stops retrying a failing %s at once, and no later attempt can capture (%s)',
    async (operation, kind, payment) => {
      const input = await testEnv.createOrderInput();
      const { id } = input.order;
      await testEnv.injectFault({ operation, mode: 'fail_before', times: null, match: { orderId: id } });
      await testEnv.startOrder(input);
      await eventually('a second attempt', async () => (await testEnv.getActivityAttempt(id)) >= 2);

      const requestedMs = performance.now();
      await (kind === 'signal' ? testEnv.getHandle(id).signal(cancelOrder) : testEnv.getHandle(id).cancel());
      const order = await expectFullyCompensated(testEnv, id);

      expect(performance.now() - requestedMs).toBeLessThan(CANCELLATION_TIMEOUT_MS);
      expect(order).toMatchObject({ status: 'cancelled', payment });
      // A delayed attempt of a lost worker finds the attempt sealed.
      await testEnv.clearFaults();
      const { capturePayment } = testEnv.createPaymentActivities();
      await expect(
        capturePayment({ order: input.order, attempt: 1, paymentMethod: 'pm_card_visa' }),
      ).rejects.toMatchObject({ type: 'PaymentAttemptSealed', nonRetryable: true });
      expect((await testEnv.listIntents(id)).map((i) => [i.status, i.amount_captured])).toEqual([
        ['canceled', 0],
      ]);
    },
  );

  test('refunds once a captured payment whose responses were all lost', async () => {
    const input = await testEnv.createOrderInput();
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

test('a cancellation during a rejection is logged as rejected and changes nothing', async () => {
  const input = await testEnv.createInputWithPolicy({ paymentDeadlineMs: 600, attentionAfterMs: 30_000 });
  const { id } = input.order;
  await testEnv.injectFault({
    operation: 'confirm',
    mode: 'fail_before',
    times: null,
    match: { orderId: id },
  });
  const voidCall = paymentCalls.pause(id, 'void');
  const decision = testEnv.placeOrder(input);
  await voidCall.reached;

  await testEnv.getHandle(id).signal(cancelOrder, CANCEL_REQUEST);
  await testEnv.getHandle(id).cancel();
  await eventually('both rejected cancellations in the log', async () => {
    const eventTypes = await testEnv.listEventTypes(id);
    return eventTypes.filter((type) => type === 'CancellationRejected').length === 2;
  });
  expect((await testEnv.getHandle(id).query(getOrder)).status).toBe('placed');
  voidCall.resume();

  expect(await decision).toMatchObject({ status: 'rejected', rejection: { code: 'payment_unavailable' } });
  const order = await expectFullyCompensated(testEnv, id);
  expect(order).toMatchObject({ status: 'rejected', cancellation: null });
  const rejectedRows = (await testEnv.store.log.findByOrder(id)).filter(
    (row) => row.type === 'CancellationRejected',
  );
  // Numbered per kind of requester: a repeated workflow task may process the requests in another order.
  expect(rejectedRows.map(({ eventKey }) => eventKey)).toEqual([
    `${id}:cancellation-rejected:signal:1`,
    `${id}:cancellation-rejected:temporal:1`,
  ]);
  const rejections = rejectedRows.map((row) => JSON.parse(row.body) as { actor: string; data: unknown });
  const why = 'The order is being rejected: payment_unavailable';
  expect(rejections.map(({ actor, data }) => [actor, data])).toEqual([
    ['signal (claims: desk 4)', { reason: 'changed my mind', why }],
    ['temporal', { reason: null, why }],
  ]);
});
