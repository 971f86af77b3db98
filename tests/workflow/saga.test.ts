import { createOrderActivities } from '../../activities/orders';
import { createPaymentActivities, type PaymentAttempt } from '../../activities/payments';
import type { Order } from '../../domain/orders/order';
import * as change from '../../domain/orders/order-changes';
import { PaymentProviderError } from '../../domain/payments/provider';
import type { OrderPolicy } from '../../domain/shared/policy';
import { readWorkflowHistory } from '../../integrations/temporal/history';
import { cancelOrder, getOrder, type OrderInput } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { expectFullyCompensated } from '../harness/workflow/order-assertions';
import { PaymentCallInterceptor } from '../harness/workflow/payment-call-interceptor';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

const paymentCalls = new PaymentCallInterceptor();
let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create({ wrapProvider: paymentCalls.wrapProvider });
});
afterEach(() => testEnv.clearFaults());
afterAll(() => testEnv.close());

async function createInputWithPolicy(policy: Partial<OrderPolicy> = {}): Promise<OrderInput> {
  const input = await testEnv.createOrderInput();
  return { ...input, policy: { ...input.policy, ...policy } };
}

const firstAttempt = ({ id: orderId, totalMinor: amountMinor, currency }: Order): PaymentAttempt => ({
  orderId,
  attempt: 1,
  amountMinor,
  currency,
});

/** What the provider took for the order, as the step that records it is told. */
async function getPaymentResult(order: Order) {
  const [intent] = await testEnv.listIntents(order.id);
  if (intent === undefined) throw new Error('nothing was paid');
  return { attempt: 1, provider: 'stripe', intentId: intent.id, amountMinor: order.totalMinor };
}

describe('a refund that fails', () => {
  test('makes the order ask for attention, holds no stock, and ends by itself when it can', async () => {
    const before = await testEnv.getStock('walnut-desk');
    const { id } = await testEnv.placeOrder(await createInputWithPolicy());
    await testEnv.injectFault({
      operation: 'refund',
      mode: 'fail_before',
      times: null,
      match: { orderId: id },
    });

    await testEnv.getHandle(id).signal(cancelOrder);

    const attention = { step: 'reverse the payment', detail: expect.any(String) };
    await eventually('the order to ask for attention', async () => {
      const order = await testEnv.store.orders.find(id);
      return order?.attention != null;
    });
    expect(await testEnv.store.orders.find(id)).toMatchObject({ status: 'cancelling', attention });
    await eventually('the workflow to say the same', async () => {
      const order = await testEnv.getHandle(id).query(getOrder);
      return order.attention !== null;
    });
    expect(await testEnv.getCurrentDetails(id)).toContain('**Needs attention**');
    await eventually('visibility to say the same', async () => {
      const { searchAttributes } = await testEnv.getHandle(id).describe();
      return searchAttributes.NeedsAttention?.[0] === true;
    });
    expect(await testEnv.getStock('walnut-desk')).toEqual(before);

    await testEnv.clearFaults();
    const order = await expectFullyCompensated(testEnv, id);
    expect(order).toMatchObject({ status: 'cancelled', payment: 'refunded' });
    const story = await testEnv.listEventTypes(id);
    expect(story.slice(-4)).toEqual([
      'OrderAttentionRequired',
      'OrderAttentionResolved',
      'PaymentRefunded',
      'OrderCancelled',
    ]);
    expect((await testEnv.getHandle(id).describe()).searchAttributes.NeedsAttention).toEqual([false]);
    expect(await testEnv.getCurrentDetails(id)).not.toContain('Needs attention');
  });

  test('for a reason inside the shop tells who reads the order nothing of that', async () => {
    const { id } = await testEnv.placeOrder(await createInputWithPolicy());
    const away = jest
      .spyOn(testEnv.store.ledger, 'sealAttempt')
      .mockRejectedValue(new Error('connect ECONNREFUSED 10.0.0.5:3306'));
    try {
      await testEnv.getHandle(id).signal(cancelOrder);
      const order = await eventually('the order to ask for attention', async () => {
        const found = await testEnv.store.orders.find(id);
        return found?.attention != null && found;
      });
      const entries = await eventually('the history to tell of the next try', async () => {
        const history = await readWorkflowHistory(testEnv.client, id);
        return history.entries.some(({ type }) => type === 'ActivityRetrying') && history.entries;
      });
      const told = JSON.stringify([order, await testEnv.store.log.findByOrder(id), entries]);
      expect(told).toContain('something went wrong inside the shop');
      expect(told).not.toContain('10.0.0.5');
    } finally {
      away.mockRestore();
    }
    await expectFullyCompensated(testEnv, id);
  });

  test('for good is not asked for more often than one that gets no answer', async () => {
    const policy = { attentionAfterMs: 60_000, retryInitialMs: 10, retryMaxMs: 20 };
    const { id } = await testEnv.placeOrder(await createInputWithPolicy(policy));
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

  test('is made once, however often its answer is lost', async () => {
    const { id, totalMinor } = await testEnv.placeOrder(await createInputWithPolicy());
    await testEnv.injectFault({ operation: 'refund', mode: 'drop_after', times: 4, match: { orderId: id } });

    await testEnv.getHandle(id).signal(cancelOrder);

    await expectFullyCompensated(testEnv, id);
    expect(await testEnv.listIntents(id)).toEqual([expect.objectContaining({ amount_refunded: totalMinor })]);
  });

  test('is made once when two attempts overlap', async () => {
    const order = await testEnv.placeOrder(await createInputWithPolicy());
    const cancellation = change.createTemporalCancellation(Date.now());
    await createOrderActivities(testEnv.store).startCancellation({
      order: change.startCancellation(order, cancellation, 'refund_pending', Date.now()),
      cancellation,
    });
    const refunds = [paymentCalls.pause(order.id, 'refund'), paymentCalls.pause(order.id, 'refund')];
    const { reversePayment } = createPaymentActivities(testEnv.store, testEnv.provider);

    const undone = Promise.all([reversePayment(firstAttempt(order)), reversePayment(firstAttempt(order))]);
    await Promise.all(refunds.map((refund) => refund.reached));
    for (const refund of refunds) refund.resume();

    const { intentId } = await getPaymentResult(order);
    const refunded = { outcome: 'refunded', provider: 'stripe', intentId, amountMinor: order.totalMinor };
    expect(await undone).toEqual([refunded, refunded]);
    expect(await testEnv.listIntents(order.id)).toEqual([
      expect.objectContaining({ amount_refunded: order.totalMinor }),
    ]);
  });
});

test('the undo of a run that was reset takes no money from the order that the next run has confirmed', async () => {
  const order = await testEnv.placeOrder(await createInputWithPolicy());
  const { reversePayment } = createPaymentActivities(testEnv.store, testEnv.provider);
  expect(await reversePayment(firstAttempt(order))).toEqual({ outcome: 'nothing' });
  expect(await testEnv.listIntents(order.id)).toEqual([expect.objectContaining({ amount_refunded: 0 })]);
});

describe('a payment provider that is away until the deadline', () => {
  test('has the order rejected, with its stock back', async () => {
    const before = await testEnv.getStock('walnut-desk');
    const input = await createInputWithPolicy({ paymentDeadlineMs: 800 });
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

  test('gives back what it took while every answer was lost', async () => {
    const input = await createInputWithPolicy({ paymentDeadlineMs: 800 });
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

  test('can void what it created but never confirmed', async () => {
    const input = await createInputWithPolicy({ paymentDeadlineMs: 800 });
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

describe('an undo that comes before what it undoes', () => {
  test('keeps the payment from ever being made: its intent is voided', async () => {
    const input = await createInputWithPolicy();
    const { id } = input.order;
    const created = paymentCalls.pause(id, 'createIntent', 'after');
    await testEnv.startOrder(input);
    await created.reached;
    expect(await testEnv.store.ledger.findByOrder(id)).toEqual([]);

    const { reversePayment } = createPaymentActivities(testEnv.store, testEnv.provider);
    expect(await reversePayment(firstAttempt(input.order))).toEqual({ outcome: 'nothing' });
    created.resume();

    expect(await testEnv.getHandle(id).result()).toEqual({ status: 'rejected' });
    expect(await testEnv.listIntents(id)).toEqual([
      expect.objectContaining({ status: 'canceled', amount_captured: 0 }),
    ]);
    const history = JSON.stringify(await testEnv.getHandle(id).fetchHistory());
    expect(history).toContain('PaymentAttemptSealed');
  });
});

describe('a database that is away', () => {
  test('while the order is to be confirmed: it waits with timers, answers queries, then confirms', async () => {
    const input = await createInputWithPolicy();
    const { id } = input.order;
    const authorized = paymentCalls.pause(id, 'authorize', 'after');
    const decision = testEnv.placeOrder(input);
    await authorized.reached;
    const { db } = testEnv.store;
    const write = db.write;
    try {
      db.write = () => Promise.reject(new Error('connect ECONNREFUSED'));
      authorized.resume();
      await eventually('the order to say so', async () =>
        (await testEnv.getCurrentDetails(id)).includes(
          '**Database away**: confirm the order: connect ECONNREFUSED',
        ),
      );
      expect((await testEnv.getHandle(id).query(getOrder)).status).toBe('placed');
      await eventually('a timer to wait for it', async () => (await timersOf(id)) >= 1);
      // A new worker reads from the history that it waits.
      await testEnv.stopWorkers();
      await testEnv.startWorkers();
      expect((await testEnv.getHandle(id).query(getOrder)).status).toBe('placed');
    } finally {
      db.write = write;
    }

    expect(await decision).toMatchObject({ status: 'confirmed', version: 2 });
    expect(await testEnv.getCurrentDetails(id)).not.toContain('Database away');
    expect(await testEnv.listEventTypes(id)).toEqual([
      'OrderCreated',
      'StockReserved',
      'PaymentSucceeded',
      'OrderConfirmed',
    ]);
    // A marker, a timer and its task: what one round of waiting costs.
    const { historyLength } = await testEnv.getHandle(id).describe();
    expect(historyLength).toBeLessThanOrEqual(18 + 8 * (await timersOf(id)));
  });

  async function timersOf(id: string): Promise<number> {
    const { events } = await testEnv.getHandle(id).fetchHistory();
    return (events ?? []).filter((e) => e.timerStartedEventAttributes).length;
  }
});

describe('a step whose answer was lost', () => {
  test('confirming: it happens once, and the versions follow each other', async () => {
    const input = await createInputWithPolicy();
    const { id } = input.order;
    const authorized = paymentCalls.pause(id, 'authorize', 'after');
    const decision = testEnv.placeOrder(input);
    await authorized.reached;
    const steps = createOrderActivities(testEnv.store);
    const order = change.confirmOrder(input.order, 'paid', Date.now());
    await steps.confirmOrder({ order, paid: await getPaymentResult(input.order) });
    authorized.resume();

    expect(await decision).toEqual(order);
    expect(await testEnv.store.orders.find(id)).toEqual(order);
    expect(await testEnv.listEventTypes(id)).toEqual([
      'OrderCreated',
      'StockReserved',
      'PaymentSucceeded',
      'OrderConfirmed',
    ]);
    expect((await testEnv.store.ledger.findByOrder(id)).map((e) => e.kind)).toEqual(['intent', 'captured']);
  });

  test('confirming, and the order is then cancelled on top of it: one payment, refunded once', async () => {
    const input = await createInputWithPolicy();
    const { id } = input.order;
    const authorized = paymentCalls.pause(id, 'authorize', 'after');
    await testEnv.startOrder(input);
    await authorized.reached;
    const steps = createOrderActivities(testEnv.store);
    const order = change.confirmOrder(input.order, 'paid', Date.now());
    await steps.confirmOrder({ order, paid: await getPaymentResult(input.order) });
    await testEnv.getHandle(id).signal(cancelOrder);
    await testEnv.getHandle(id).query(getOrder);
    authorized.resume();

    expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
      status: 'cancelled',
      payment: 'refunded',
      version: 5,
    });
    expect((await testEnv.listEventTypes(id)).toSorted()).toEqual(
      [
        'OrderCreated',
        'StockReserved',
        'PaymentSucceeded',
        'OrderConfirmed',
        'OrderCancellationStarted',
        'StockReleased',
        'PaymentRefunded',
        'OrderCancelled',
      ].toSorted(),
    );
  });

  test('beginning the cancellation: the next try, at a later moment, tells the same fact', async () => {
    const placed = await testEnv.placeOrder(await createInputWithPolicy());
    const { id } = placed;
    const steps = createOrderActivities(testEnv.store);
    const earlier = {
      reason: 'once',
      requestedBy: { kind: 'signal' as const },
      requestedAtMs: Date.now() - 10_000,
    };
    const order = change.startCancellation(placed, earlier, 'refund_pending', earlier.requestedAtMs);
    await steps.startCancellation({ order, cancellation: earlier });

    await testEnv.getHandle(id).signal(cancelOrder, { reason: 'once' });

    expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
      status: 'cancelled',
      version: 5,
      cancellation: earlier,
    });
  });

  test('opening and releasing: stock is taken once and given back once', async () => {
    const before = await testEnv.getStock('walnut-desk');
    const { order } = await createInputWithPolicy();
    const steps = createOrderActivities(testEnv.store);

    const first = await steps.createOrder({ order, reserve: true });
    expect(await steps.createOrder({ order, reserve: true })).toEqual({ ...first, order, holdsStock: true });
    expect((await testEnv.getStock('walnut-desk')).reserved).toBe(before.reserved + 1);

    const atMs = Date.now();
    await steps.releaseStock({ orderId: order.id, atMs });
    await steps.releaseStock({ orderId: order.id, atMs });
    expect(await testEnv.getStock('walnut-desk')).toEqual(before);
    expect(await steps.createOrder({ order, reserve: true })).toMatchObject({ holdsStock: false });
    expect(await testEnv.listEventTypes(order.id)).toEqual([
      'OrderCreated',
      'StockReserved',
      'StockReleased',
    ]);
  });
});
