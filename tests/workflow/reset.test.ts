import { randomUUID } from 'node:crypto';
import { temporal } from '@temporalio/proto';
import { createOrderActivities } from '../../activities/orders';
import * as change from '../../domain/orders/order-changes';
import { cancelOrder, getOrder, placement } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { expectFullyCompensated, getReservedUnits } from '../harness/workflow/order-assertions';
import { PaymentCallInterceptor } from '../harness/workflow/payment-call-interceptor';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

const { RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL } = temporal.api.enums.v1.ResetReapplyExcludeType;

const paymentCalls = new PaymentCallInterceptor();
let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create({ wrapProvider: paymentCalls.wrapProvider });
});
afterEach(() => testEnv.clearFaults());
afterAll(() => testEnv.close());

/** Back to a workflow task, the first one: everything runs again. Signals are sent to the new run again, or not. */
async function resetWorkflow(
  id: string,
  signals: 'reapplied' | 'excluded' = 'reapplied',
  task = 0,
): Promise<void> {
  const { events } = await testEnv.getHandle(id).fetchHistory();
  const ended = events?.filter((e) => e.workflowTaskCompletedEventAttributes)[task];
  expect(ended).toBeDefined();
  const { runId } = await testEnv.getHandle(id).describe();
  await testEnv.client.workflowService.resetWorkflowExecution({
    namespace: testEnv.client.options.namespace,
    workflowExecution: { workflowId: id, runId },
    reason: 'test',
    requestId: randomUUID(),
    workflowTaskFinishEventId: ended?.eventId ?? null,
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
  const order = await testEnv.placeOrder(await testEnv.createOrderInput());
  expect(order.status).toBe('confirmed');
  return order;
}

async function expectPaidOnce(id: string, refunded: boolean): Promise<void> {
  const intents = await testEnv.listIntents(id);
  expect(intents.map((i) => [i.status, i.amount_refunded > 0])).toEqual([['succeeded', refunded]]);
}

describe('a reset to the first workflow task', () => {
  test('of a confirmed order reserves and pays nothing again, and the order can still be cancelled', async () => {
    const order = await placeConfirmedOrder();
    const { id } = order;

    await resetWorkflow(id);

    await eventually('the new run to know the order', async () => {
      const now = await testEnv.getHandle(id).query(getOrder);
      return now.status === 'confirmed';
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
    'of a cancelled order ends at once (signals %s)',
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

  test('of a rejected order ends at once, with the same answer', async () => {
    const input = await testEnv.createOrderInput({ 'walnut-desk': 1 }, 'pm_card_visa_chargeDeclined');
    const { id } = input.order;
    await testEnv.placeOrder(input);
    const order = await expectFullyCompensated(testEnv, id);

    await resetWorkflow(id);

    expect(await expectFullyCompensated(testEnv, id)).toEqual(order);
  });

  test('of a confirmed order, with a cancellation waiting for it, gives the money back', async () => {
    const { id } = await placeConfirmedOrder();
    await testEnv.stopWorkers();
    await testEnv.getHandle(id).signal(cancelOrder, { reason: 'while nobody worked' });

    await resetWorkflow(id);
    await testEnv.startWorkers();

    expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
      status: 'cancelled',
      payment: 'refunded',
    });
    expect((await testEnv.listEventTypes(id)).toSorted()).toEqual(CANCELLED_EVENTS.toSorted());
  });

  test.each(['reapplied', 'excluded'] as const)(
    'of an order whose refund is under way gives the money back once (signals %s)',
    async (signals) => {
      const { id } = await placeConfirmedOrder();
      await testEnv.injectFault({
        operation: 'refund',
        mode: 'fail_before',
        times: null,
        match: { orderId: id },
      });
      await testEnv.getHandle(id).signal(cancelOrder, { reason: 'once' });
      await eventually('the refund to be tried', async () => (await testEnv.getActivityAttempt(id)) >= 2);

      await resetWorkflow(id, signals);
      await testEnv.clearFaults();

      expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
        payment: 'refunded',
        cancellation: { reason: 'once' },
      });
      await expectPaidOnce(id, true);
      const story = (await testEnv.listEventTypes(id)).filter((type) => !/Attention/.test(type));
      expect(story.toSorted()).toEqual(CANCELLED_EVENTS.toSorted());
    },
  );

  test('with a cancellation, while the run before is still paying: what that takes is given back', async () => {
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

describe('a reset to a task behind the first', () => {
  /** The task that heard how the payment ended. */
  const PAID = 1;

  test('of an order whose stock was given back, and its payment not yet, does not sell it after all', async () => {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    const authorize = paymentCalls.pause(id, 'authorize');
    await testEnv.startOrder({
      ...input,
      policy: { ...input.policy, paymentDeadlineMs: 1_000, attentionAfterMs: 300 },
    });
    await authorize.reached;
    // Somebody asks for the decision: a task between the reservation and the end of the payment.
    await testEnv.getHandle(id).startUpdate(placement, { waitForStage: 'ACCEPTED' });
    for (const operation of ['confirm', 'cancel'] as const) {
      await testEnv.injectFault({ operation, mode: 'fail_before', times: null, match: { orderId: id } });
    }
    authorize.resume();
    await eventually(
      'the undo to fail',
      async () => (await testEnv.store.orders.find(id))?.attention != null,
    );
    expect(await getReservedUnits(testEnv, id)).toBe(0);

    await resetWorkflow(id, 'reapplied', 1);
    await testEnv.clearFaults();

    expect(await expectFullyCompensated(testEnv, id)).toMatchObject({ status: 'rejected' });
  });

  test.each(['reapplied', 'excluded'] as const)(
    'of an order whose refund is under way gives the money back once (signals %s)',
    async (signals) => {
      const { id } = await placeConfirmedOrder();
      await eventually(
        'it rests',
        async () => (await testEnv.getHandle(id).query(getOrder)).status === 'confirmed',
      );
      await testEnv.injectFault({
        operation: 'refund',
        mode: 'fail_before',
        times: null,
        match: { orderId: id },
      });
      await testEnv.getHandle(id).signal(cancelOrder, { reason: 'once' });
      await eventually('the refund to be tried', async () => (await testEnv.getActivityAttempt(id)) >= 2);

      await resetWorkflow(id, signals, PAID);
      await testEnv.clearFaults();

      expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
        status: 'cancelled',
        payment: 'refunded',
        cancellation: { reason: 'once' },
      });
      await expectPaidOnce(id, true);
    },
  );
});

test('a payment that was given back cannot pay for the order after a reset', async () => {
  const input = await testEnv.createOrderInput();
  const { id } = input.order;
  const authorized = paymentCalls.pause(id, 'authorize', 'after');
  await testEnv.startOrder(input);
  await authorized.reached;
  // The run before this one refunded it and was reset before it could say that the order is rejected.
  const [intent] = await testEnv.listIntents(id);
  const refund = {
    key: `${id}:refund:test`,
    intentId: intent?.id ?? '',
    amountMinor: input.order.totalMinor,
  };
  await testEnv.provider.refund(refund);
  await createOrderActivities(testEnv.store).recordPaymentReversal({
    order: change.reversePayment(input.order, 'refunded', Date.now()),
    undo: { outcome: 'refunded', provider: 'stripe', ...refund },
  });
  await resetWorkflow(id);
  authorized.resume();

  expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
    status: 'rejected',
    payment: 'refunded',
  });
});

describe('the same placement again', () => {
  test('with the same update id is the same order and the same answer', async () => {
    const input = await testEnv.createOrderInput();
    const first = await testEnv.placeOrder(input);
    expect(await testEnv.placeOrder(input)).toEqual(first);
    await expectPaidOnce(first.id, false);
    expect(await testEnv.listEventTypes(first.id)).toEqual(CONFIRMED_EVENTS);
  });

  test('twenty times at once is one order, reserved and paid once', async () => {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    const answers = await Promise.all(Array.from({ length: 20 }, () => testEnv.placeOrder(input)));
    expect(new Set(answers.map((a) => JSON.stringify(a))).size).toBe(1);
    expect(answers[0]).toMatchObject({ id, status: 'confirmed' });
    await expectPaidOnce(id, false);
    expect(await getReservedUnits(testEnv, id)).toBe(1);
    expect(await testEnv.listEventTypes(id)).toEqual(CONFIRMED_EVENTS);
  });
});
