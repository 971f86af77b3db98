import { createOrderActivities } from '../../activities/orders';
import type { PaymentAttempt } from '../../activities/payments';
import type { Order } from '../../domain/orders/order';
import * as change from '../../domain/orders/order-changes';
import { PaymentProviderError } from '../../domain/payments/provider';
import { readWorkflowHistory } from '../../integrations/temporal/history';
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
afterEach(() => testEnv.clearFaults());
afterAll(() => testEnv.close());

const firstAttempt = ({ id: orderId, totalMinor: amountMinor, currency }: Order): PaymentAttempt => ({
  orderId,
  attempt: 1,
  amountMinor,
  currency,
});

describe('a failing refund', () => {
  test('flags the order for attention, releases the stock, and completes when the provider recovers', async () => {
    const before = await testEnv.getStock('walnut-desk');
    const { id } = await testEnv.placeOrder(await testEnv.createOrderInput());
    await testEnv.injectFault({
      operation: 'refund',
      mode: 'fail_before',
      times: null,
      match: { orderId: id },
    });

    await testEnv.getHandle(id).signal(cancelOrder);

    const attention = { step: 'reverse the payment', detail: expect.any(String) };
    await eventually('the order to require attention', async () => {
      const order = await testEnv.store.orders.find(id);
      return order?.attention != null;
    });
    expect(await testEnv.store.orders.find(id)).toMatchObject({ status: 'cancelling', attention });
    await eventually('the workflow to require attention', async () => {
      const order = await testEnv.getHandle(id).query(getOrder);
      return order.attention !== null;
    });
    expect(await testEnv.getCurrentDetails(id)).toContain('**Needs attention**');
    await eventually('the search attribute to require attention', async () => {
      const { searchAttributes } = await testEnv.getHandle(id).describe();
      return searchAttributes.NeedsAttention?.[0] === true;
    });
    expect(await testEnv.getStock('walnut-desk')).toEqual(before);

    await testEnv.clearFaults();
    const order = await expectFullyCompensated(testEnv, id);
    expect(order).toMatchObject({ status: 'cancelled', payment: 'refunded' });
    const eventTypes = await testEnv.listEventTypes(id);
    expect(eventTypes.slice(-4)).toEqual([
      'OrderAttentionRequired',
      'OrderAttentionResolved',
      'PaymentRefunded',
      'OrderCancelled',
    ]);
    expect((await testEnv.getHandle(id).describe()).searchAttributes.NeedsAttention).toEqual([false]);
    expect(await testEnv.getCurrentDetails(id)).not.toContain('Needs attention');
  });

  test('because of an internal error does not expose the error to readers of the order', async () => {
    const { id } = await testEnv.placeOrder(await testEnv.createOrderInput());
    const failingStore = jest
      .spyOn(testEnv.store.ledger, 'sealAttempt')
      .mockRejectedValue(new Error('connect ECONNREFUSED 10.0.0.5:3306'));
    try {
      await testEnv.getHandle(id).signal(cancelOrder);
      const order = await eventually('the order to require attention', async () => {
        const stored = await testEnv.store.orders.find(id);
        return stored?.attention != null && stored;
      });
      const entries = await eventually('the history to list the next attempt', async () => {
        const history = await readWorkflowHistory(testEnv.client, id);
        return history.entries.some(({ type }) => type === 'ActivityRetrying') && history.entries;
      });
      const visible = JSON.stringify([order, await testEnv.store.log.findByOrder(id), entries]);
      expect(visible).toContain('internal error');
      expect(visible).not.toContain('10.0.0.5');
    } finally {
      failingStore.mockRestore();
    }
    await expectFullyCompensated(testEnv, id);
  });

  test('with a permanent error is retried no more often than one without a response', async () => {
    const policy = { attentionAfterMs: 60_000, retryInitialMs: 10, retryMaxMs: 20 };
    const { id } = await testEnv.placeOrder(await testEnv.createInputWithPolicy(policy));
    const refund = jest
      .spyOn(testEnv.provider, 'refund')
      .mockRejectedValue(new PaymentProviderError('no such key', 'authentication', false));
    try {
      await testEnv.getHandle(id).signal(cancelOrder);
      const pause = await eventually('the pause before the next round', async () => {
        const { events } = await testEnv.getHandle(id).fetchHistory();
        return events?.find((e) => e.timerStartedEventAttributes)?.timerStartedEventAttributes;
      });
      expect(Number(pause?.startToFireTimeout?.seconds)).toBeGreaterThan(30);
      expect(refund).toHaveBeenCalledTimes(1);
    } finally {
      refund.mockRestore();
      await testEnv.getHandle(id).terminate();
    }
  });

  test('refunds once, however often its response is lost', async () => {
    const { id, totalMinor } = await testEnv.placeOrder(await testEnv.createOrderInput());
    await testEnv.injectFault({ operation: 'refund', mode: 'drop_after', times: 4, match: { orderId: id } });

    await testEnv.getHandle(id).signal(cancelOrder);

    await expectFullyCompensated(testEnv, id);
    expect(await testEnv.listIntents(id)).toEqual([expect.objectContaining({ amount_refunded: totalMinor })]);
  });

  test('refunds once when two attempts overlap', async () => {
    const order = await testEnv.placeOrder(await testEnv.createOrderInput());
    const cancellation = change.createTemporalCancellation(Date.now());
    await createOrderActivities(testEnv.store).startCancellation({
      order: change.startCancellation(order, cancellation, Date.now()),
      cancellation,
    });
    const refunds = [paymentCalls.pause(order.id, 'refund'), paymentCalls.pause(order.id, 'refund')];
    const { reversePayment } = testEnv.createPaymentActivities();

    const reversals = Promise.all([reversePayment(firstAttempt(order)), reversePayment(firstAttempt(order))]);
    await Promise.all(refunds.map((refund) => refund.reached));
    for (const refund of refunds) refund.resume();

    const { intentId } = await testEnv.getCapturedPayment(order);
    const refunded = { outcome: 'refunded', provider: 'stripe', intentId, amountMinor: order.totalMinor };
    expect(await reversals).toEqual([refunded, refunded]);
    expect(await testEnv.listIntents(order.id)).toEqual([
      expect.objectContaining({ amount_refunded: order.totalMinor }),
    ]);
  });
});

test('a compensation of a reset run does not refund an order that the next run confirmed', async () => {
  const order = await testEnv.placeOrder(await testEnv.createOrderInput());
  const { reversePayment } = testEnv.createPaymentActivities();
  expect(await reversePayment(firstAttempt(order))).toEqual({ outcome: 'nothing_to_reverse' });
  expect(await testEnv.listIntents(order.id)).toEqual([expect.objectContaining({ amount_refunded: 0 })]);
});

describe('a payment provider that is unavailable until the deadline', () => {
  test('rejects the order and releases its stock', async () => {
    const before = await testEnv.getStock('walnut-desk');
    const input = await testEnv.createInputWithPolicy({ paymentDeadlineMs: 800 });
    const { id } = input.order;
    await testEnv.injectFault({ operation: '*', mode: 'drop_before', times: null, match: { orderId: id } });

    const order = await testEnv.placeOrder(input);

    expect(order).toMatchObject({
      status: 'rejected',
      payment: 'failed',
      rejection: { code: 'payment_unavailable' },
    });
    expect(await testEnv.getStock('walnut-desk')).toEqual(before);
    expect(await testEnv.listIntents(id)).toEqual([]);
    await testEnv.getHandle(id).result();
    expect((await testEnv.listEventTypes(id)).toSorted()).toEqual(
      ['OrderCreated', 'StockReserved', 'StockReleased', 'PaymentFailed', 'OrderRejected'].toSorted(),
    );
  });

  test('refunds a payment that it captured while all responses were lost', async () => {
    const input = await testEnv.createInputWithPolicy({ paymentDeadlineMs: 800 });
    const { id, totalMinor } = input.order;
    await testEnv.injectFault({
      operation: 'confirm',
      mode: 'drop_after',
      times: null,
      match: { orderId: id },
    });

    const order = await testEnv.placeOrder(input);

    expect(order).toMatchObject({
      status: 'rejected',
      payment: 'refunded',
      rejection: { code: 'payment_unavailable' },
    });
    await expectFullyCompensated(testEnv, id);
    expect(await testEnv.listIntents(id)).toEqual([
      expect.objectContaining({ amount_captured: totalMinor, amount_refunded: totalMinor }),
    ]);
  });

  test('voids an intent that was created and never confirmed', async () => {
    const input = await testEnv.createInputWithPolicy({ paymentDeadlineMs: 800 });
    const { id } = input.order;
    await testEnv.injectFault({
      operation: 'confirm',
      mode: 'fail_before',
      times: null,
      match: { orderId: id },
    });

    expect(await testEnv.placeOrder(input)).toMatchObject({ status: 'rejected', payment: 'failed' });

    await expectFullyCompensated(testEnv, id);
    expect(await testEnv.listIntents(id)).toEqual([expect.objectContaining({ status: 'canceled' })]);
  });
});

describe('a compensation that runs before its payment is recorded', () => {
  test('seals the attempt, so the payment is never captured and its intent is voided', async () => {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    const created = paymentCalls.pause(id, 'createIntent', 'after');
    await testEnv.startOrder(input);
    await created.reached;
    expect(await testEnv.store.ledger.findByOrder(id)).toEqual([]);

    const { reversePayment } = testEnv.createPaymentActivities();
    expect(await reversePayment(firstAttempt(input.order))).toEqual({ outcome: 'nothing_to_reverse' });
    created.resume();

    expect(await testEnv.getHandle(id).result()).toEqual({ status: 'rejected' });
    expect(await testEnv.listIntents(id)).toEqual([
      expect.objectContaining({ status: 'canceled', amount_captured: 0 }),
    ]);
    const history = JSON.stringify(await testEnv.getHandle(id).fetchHistory());
    expect(history).toContain('PaymentAttemptSealed');
  });
});

describe('an unavailable database', () => {
  test('during the confirmation: the workflow waits with timers, answers queries, then confirms', async () => {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    const authorized = paymentCalls.pause(id, 'authorize', 'after');
    const decision = testEnv.placeOrder(input);
    await authorized.reached;
    const { db } = testEnv.store;
    const write = db.write;
    try {
      db.write = () => Promise.reject(new Error('connect ECONNREFUSED'));
      authorized.resume();
      await eventually('the current details to report the outage', async () =>
        (await testEnv.getCurrentDetails(id)).includes(
          '**Database unavailable**: confirm the order: connect ECONNREFUSED',
        ),
      );
      expect((await testEnv.getHandle(id).query(getOrder)).status).toBe('placed');
      await eventually('a timer to start', async () => (await countTimers(id)) >= 1);
      // A new worker replays the history and continues to wait.
      await testEnv.stopWorkers();
      await testEnv.startWorkers();
      expect((await testEnv.getHandle(id).query(getOrder)).status).toBe('placed');
    } finally {
      db.write = write;
    }

    expect(await decision).toMatchObject({ status: 'confirmed', version: 2 });
    expect(await testEnv.getCurrentDetails(id)).not.toContain('Database unavailable');
    expect(await testEnv.listEventTypes(id)).toEqual([
      'OrderCreated',
      'StockReserved',
      'PaymentSucceeded',
      'OrderConfirmed',
    ]);
    // Each waiting round adds a marker, a timer and its workflow task.
    const { historyLength } = await testEnv.getHandle(id).describe();
    expect(historyLength).toBeLessThanOrEqual(16 + 8 * (await countTimers(id)));
  });

  async function countTimers(id: string): Promise<number> {
    const { events } = await testEnv.getHandle(id).fetchHistory();
    return (events ?? []).filter((e) => e.timerStartedEventAttributes).length;
  }
});
