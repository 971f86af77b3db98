import { randomUUID } from 'node:crypto';
import { temporal } from '@temporalio/proto';
import { createOrderActivities } from '../../activities/orders';
import * as change from '../../domain/orders/order-changes';
import { cancelOrder, getOrder, placement } from '../../workflows/orders/messages';
import { eventually } from '../harness/eventually';
import { expectFullyCompensated, getReservedUnits } from '../harness/workflow/order-assertions';
import { PaymentCallInterceptor } from '../harness/workflow/payment-call-interceptor';
import { claimPlacement, reconcileUntilClosed } from '../harness/workflow/reconciliation';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

const { RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL } = temporal.api.enums.v1.ResetReapplyExcludeType;

const paymentCalls = new PaymentCallInterceptor();
let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create({ wrapProvider: paymentCalls.wrapProvider });
});
afterEach(() => paymentCalls.resumeAll());
afterEach(() => testEnv.clearFaults());
afterAll(() => testEnv.close());

/**
 * Resets the workflow to one of its workflow tasks.
 * @param task index of the workflow task; 0 runs everything again.
 */
async function resetWorkflow(
  id: string,
  signals: 'reapplied' | 'excluded' = 'reapplied',
  task = 0,
): Promise<void> {
  const { events } = await testEnv.getHandle(id).fetchHistory();
  const completedTask = events?.filter((e) => e.workflowTaskCompletedEventAttributes)[task];
  expect(completedTask).toBeDefined();
  const { runId } = await testEnv.getHandle(id).describe();
  await testEnv.client.workflowService.resetWorkflowExecution({
    namespace: testEnv.client.options.namespace,
    workflowExecution: { workflowId: id, runId },
    reason: 'test',
    requestId: randomUUID(),
    workflowTaskFinishEventId: completedTask?.eventId ?? null,
    resetReapplyExcludeTypes: signals === 'excluded' ? [RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL] : [],
  });
  expect((await testEnv.getHandle(id).describe()).runId).not.toBe(runId);
}

const CONFIRMED_EVENTS = ['OrderCreated', 'StockReserved', 'PaymentSucceeded', 'OrderConfirmed'];
const CANCELLED_EVENTS = [
  ...CONFIRMED_EVENTS,
  'OrderCancellationStarted',
  'StockReleased',
  'PaymentRefunded',
  'OrderCancelled',
];

async function placeConfirmedOrder() {
  const input = await testEnv.createOrderInput();
  await claimPlacement(testEnv, input);
  const order = await testEnv.placeOrder(input);
  expect(order.status).toBe('confirmed');
  return order;
}

async function expectPaidOnce(id: string, refunded: boolean): Promise<void> {
  const intents = await testEnv.listIntents(id);
  expect(intents.map((i) => [i.status, i.amount_refunded > 0])).toEqual([['succeeded', refunded]]);
}

describe('a reset to the first workflow task', () => {
  test('of a confirmed order repeats no reservation or payment, and the order can still be cancelled', async () => {
    const order = await placeConfirmedOrder();
    const { id } = order;

    await resetWorkflow(id);

    await eventually('the new run to load the order', async () => {
      const { status } = await testEnv.getHandle(id).query(getOrder);
      return status === 'confirmed';
    });
    expect(await testEnv.getHandle(id).query(getOrder)).toEqual(order);
    expect(await testEnv.store.orders.find(id)).toEqual(order);
    expect(await testEnv.listEventTypes(id)).toEqual(CONFIRMED_EVENTS);
    expect(await getReservedUnits(testEnv, id)).toBe(1);
    await expectPaidOnce(id, false);

    await testEnv.getHandle(id).signal(cancelOrder);
    await expectFullyCompensated(testEnv, id);
    expect((await testEnv.listEventTypes(id)).toSorted()).toEqual(CANCELLED_EVENTS.toSorted());
  });

  test.each(['reapplied', 'excluded'] as const)(
    'of a cancelled order completes at once (signals %s)',
    async (signals) => {
      const { id } = await placeConfirmedOrder();
      await testEnv.getHandle(id).signal(cancelOrder, { reason: 'once' });
      const order = await expectFullyCompensated(testEnv, id);
      const log = await testEnv.store.log.findByOrder(id);

      await resetWorkflow(id, signals);

      expect(await expectFullyCompensated(testEnv, id)).toEqual(order);
      expect(await testEnv.store.log.findByOrder(id)).toEqual(log);
      await expectPaidOnce(id, true);
    },
  );

  test('of a rejected order completes at once, with the same result', async () => {
    const input = await testEnv.createOrderInput({ 'walnut-desk': 1 }, 'pm_card_visa_chargeDeclined');
    const { id } = input.order;
    await testEnv.placeOrder(input);
    const order = await expectFullyCompensated(testEnv, id);

    await resetWorkflow(id);

    expect(await expectFullyCompensated(testEnv, id)).toEqual(order);
  });

  test('of a confirmed order with an unprocessed cancellation refunds the payment', async () => {
    const { id } = await placeConfirmedOrder();
    await testEnv.stopWorkers();
    await testEnv.getHandle(id).signal(cancelOrder, { reason: 'no worker' });

    await resetWorkflow(id);
    await testEnv.startWorkers();

    expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
      status: 'cancelled',
      payment: 'refunded',
    });
    expect((await testEnv.listEventTypes(id)).toSorted()).toEqual(CANCELLED_EVENTS.toSorted());
  });

  test.each(['reapplied', 'excluded'] as const)(
    'of an order whose refund is being retried refunds once (signals %s)',
    async (signals) => {
      const { id } = await placeConfirmedOrder();
      await testEnv.injectFault({
        operation: 'refund',
        mode: 'fail_before',
        times: null,
        match: { orderId: id },
      });
      await testEnv.getHandle(id).signal(cancelOrder, { reason: 'once' });
      await eventually('the refund to be retried', async () => (await testEnv.getActivityAttempt(id)) >= 2);

      await resetWorkflow(id, signals);
      await testEnv.clearFaults();

      expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
        payment: 'refunded',
        cancellation: { reason: 'once' },
      });
      await expectPaidOnce(id, true);
      const eventTypes = (await testEnv.listEventTypes(id)).filter((type) => !/Attention/.test(type));
      expect(eventTypes.toSorted()).toEqual(CANCELLED_EVENTS.toSorted());
    },
  );

  test('with a cancellation reverses the payment that the previous run still has in flight', async () => {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    const authorize = paymentCalls.pause(id, 'authorize');
    await testEnv.startOrder(input);
    await authorize.reached;
    const late = paymentCalls.pause(id, 'authorize', 'after');

    await testEnv.getHandle(id).signal(cancelOrder);
    await resetWorkflow(id);
    expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
      status: 'cancelled',
      payment: 'voided',
    });
    authorize.resume();
    await late.reached;
    late.resume();

    await expectFullyCompensated(testEnv, id);
  });
});

describe('a reset to a later workflow task', () => {
  /** The workflow task that processes the result of the payment. */
  const PAYMENT_RESULT_TASK = 1;

  test('of an order with released stock and an unreversed payment still rejects the order', async () => {
    const input = await testEnv.createInputWithPolicy({ paymentDeadlineMs: 1_000, attentionAfterMs: 300 });
    const { id } = input.order;
    await claimPlacement(testEnv, input);
    const authorize = paymentCalls.pause(id, 'authorize');
    await testEnv.startOrder(input);
    await authorize.reached;
    // The update adds a workflow task between the reservation and the result of the payment.
    await testEnv.getHandle(id).startUpdate(placement, { waitForStage: 'ACCEPTED' });
    for (const operation of ['confirm', 'cancel'] as const) {
      await testEnv.injectFault({ operation, mode: 'fail_before', times: null, match: { orderId: id } });
    }
    authorize.resume();
    await eventually(
      'the compensation to fail',
      async () => (await testEnv.store.orders.find(id))?.attention != null,
    );
    expect(await getReservedUnits(testEnv, id)).toBe(0);

    await resetWorkflow(id, 'reapplied', 1);
    await testEnv.clearFaults();

    await reconcileUntilClosed(testEnv, id);
    expect(await expectFullyCompensated(testEnv, id)).toMatchObject({ status: 'rejected' });
  });

  test.each(['reapplied', 'excluded'] as const)(
    'of an order whose refund is being retried refunds once (signals %s)',
    async (signals) => {
      const { id } = await placeConfirmedOrder();
      await eventually(
        'the order to be confirmed',
        async () => (await testEnv.getHandle(id).query(getOrder)).status === 'confirmed',
      );
      await testEnv.injectFault({
        operation: 'refund',
        mode: 'fail_before',
        times: null,
        match: { orderId: id },
      });
      await testEnv.getHandle(id).signal(cancelOrder, { reason: 'once' });
      await eventually('the refund to be retried', async () => (await testEnv.getActivityAttempt(id)) >= 2);

      await resetWorkflow(id, signals, PAYMENT_RESULT_TASK);
      await testEnv.clearFaults();

      await reconcileUntilClosed(testEnv, id);
      expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
        status: 'cancelled',
        payment: 'refunded',
        cancellation: { reason: 'once' },
      });
      await expectPaidOnce(id, true);
    },
  );
});

test('a refunded payment does not confirm the order after a reset', async () => {
  const input = await testEnv.createOrderInput();
  const { id } = input.order;
  const authorized = paymentCalls.pause(id, 'authorize', 'after');
  await testEnv.startOrder(input);
  await authorized.reached;
  // The previous run refunded the payment and was reset before it recorded the rejection.
  const [intent] = await testEnv.listIntents(id);
  const refund = {
    key: `${id}:refund:test`,
    intentId: intent?.id ?? '',
    amountMinor: input.order.totalMinor,
  };
  await testEnv.provider.refund(refund);
  await createOrderActivities(testEnv.store).recordPaymentReversal({
    order: change.recordPaymentReversal(input.order, Date.now()),
    reversal: { outcome: 'refunded', provider: 'stripe', ...refund },
  });
  await resetWorkflow(id);
  authorized.resume();

  expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
    status: 'rejected',
    payment: 'refunded',
  });
});

describe('a repeated placement', () => {
  test('with the same update id returns the same order', async () => {
    const input = await testEnv.createOrderInput();
    const first = await testEnv.placeOrder(input);
    expect(await testEnv.placeOrder(input)).toEqual(first);
    await expectPaidOnce(first.id, false);
    expect(await testEnv.listEventTypes(first.id)).toEqual(CONFIRMED_EVENTS);
  });

  test('sent twenty times concurrently creates one order, reserved and paid once', async () => {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    const results = await Promise.all(Array.from({ length: 20 }, () => testEnv.placeOrder(input)));
    expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
    expect(results[0]).toMatchObject({ id, status: 'confirmed' });
    await expectPaidOnce(id, false);
    expect(await getReservedUnits(testEnv, id)).toBe(1);
    expect(await testEnv.listEventTypes(id)).toEqual(CONFIRMED_EVENTS);
  });
});
