import { createOrderActivities } from '../../activities/orders';
import { createPaymentActivities, type PaymentTry } from '../../activities/payments';
import type { Order } from '../../domain/orders/order';
import * as change from '../../domain/orders/order-changes';
import { PaymentProviderError } from '../../domain/payments/provider';
import type { OrderPolicy } from '../../domain/shared/policy';
import { readWorkflowHistory } from '../../integrations/temporal/history';
import { cancelOrder, getOrder, type OrderInput } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { HeldCalls } from '../harness/workflow/held-calls';
import { Lab } from '../harness/workflow/lab';
import { endedWithNothingLeft } from '../harness/workflow/settled';

const calls = new HeldCalls();
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open({ provider: calls.wrap });
});
afterEach(() => lab.clearFaults());
afterAll(() => lab.close());

async function placing(policy: Partial<OrderPolicy> = {}): Promise<OrderInput> {
  const input = await lab.input();
  return { ...input, policy: { ...input.policy, ...policy } };
}

const firstTry = ({ id: orderId, totalMinor: amountMinor, currency }: Order): PaymentTry => ({
  orderId,
  attempt: 1,
  amountMinor,
  currency,
});

/** What the provider took for the order, as the step that records it is told. */
async function paidFor(order: Order) {
  const [intent] = await lab.intents(order.id);
  if (intent === undefined) throw new Error('nothing was paid');
  return { attempt: 1, provider: 'stripe', intentId: intent.id, amountMinor: order.totalMinor };
}

describe('a refund that fails', () => {
  test('makes the order ask for attention, holds no stock, and ends by itself when it can', async () => {
    const before = await lab.stockOf('walnut-desk');
    const { id } = await lab.place(await placing());
    await lab.fault({ operation: 'refund', mode: 'fail_before', times: null, match: { orderId: id } });

    await lab.handle(id).signal(cancelOrder);

    const attention = { step: 'give back the payment', detail: expect.any(String) };
    await eventually('the order to ask for attention', async () => {
      const order = await lab.store.orders.find(id);
      return order?.attention != null;
    });
    expect(await lab.store.orders.find(id)).toMatchObject({ status: 'cancelling', attention });
    await eventually('the workflow to say the same', async () => {
      const order = await lab.handle(id).query(getOrder);
      return order.attention !== null;
    });
    expect(await lab.currentDetails(id)).toContain('**Needs attention**');
    await eventually('visibility to say the same', async () => {
      const { searchAttributes } = await lab.handle(id).describe();
      return searchAttributes.NeedsAttention?.[0] === true;
    });
    expect(await lab.stockOf('walnut-desk')).toEqual(before);

    await lab.clearFaults();
    const order = await endedWithNothingLeft(lab, id);
    expect(order).toMatchObject({ status: 'cancelled', payment: 'refunded' });
    const story = await lab.story(id);
    expect(story.slice(-4)).toEqual([
      'OrderNeedsAttention',
      'OrderAttentionResolved',
      'PaymentRefunded',
      'OrderCancelled',
    ]);
    expect((await lab.handle(id).describe()).searchAttributes.NeedsAttention).toEqual([false]);
    expect(await lab.currentDetails(id)).not.toContain('Needs attention');
  });

  test('for a reason inside the shop tells who reads the order nothing of that', async () => {
    const { id } = await lab.place(await placing());
    const away = jest
      .spyOn(lab.store.ledger, 'closeTry')
      .mockRejectedValue(new Error('connect ECONNREFUSED 10.0.0.5:3306'));
    try {
      await lab.handle(id).signal(cancelOrder);
      const order = await eventually('the order to ask for attention', async () => {
        const found = await lab.store.orders.find(id);
        return found?.attention != null && found;
      });
      const entries = await eventually('the history to tell of the next try', async () => {
        const history = await readWorkflowHistory(lab.client, id);
        return history.entries.some(({ type }) => type === 'ActivityRetrying') && history.entries;
      });
      const told = JSON.stringify([order, await lab.store.log.ofOrder(id), entries]);
      expect(told).toContain('something went wrong inside the shop');
      expect(told).not.toContain('10.0.0.5');
    } finally {
      away.mockRestore();
    }
    await endedWithNothingLeft(lab, id);
  });

  test('for good is not asked for more often than one that gets no answer', async () => {
    const policy = { attentionAfterMs: 60_000, retryInitialMs: 10, retryMaxMs: 20 };
    const { id } = await lab.place(await placing(policy));
    const refund = jest
      .spyOn(lab.provider, 'refund')
      .mockRejectedValue(new PaymentProviderError('no such key', 'authentication', false));
    try {
      await lab.handle(id).signal(cancelOrder);
      const pause = await eventually('the pause before the next round', async () => {
        const { events } = await lab.handle(id).fetchHistory();
        return events?.find((e) => e.timerStartedEventAttributes)?.timerStartedEventAttributes;
      });
      expect(Number(pause?.startToFireTimeout?.seconds)).toBeGreaterThan(30);
      expect(refund).toHaveBeenCalledTimes(1);
    } finally {
      refund.mockRestore();
      await lab.handle(id).terminate();
    }
  });

  test('is made once, however often its answer is lost', async () => {
    const { id, totalMinor } = await lab.place(await placing());
    await lab.fault({ operation: 'refund', mode: 'drop_after', times: 4, match: { orderId: id } });

    await lab.handle(id).signal(cancelOrder);

    await endedWithNothingLeft(lab, id);
    expect(await lab.intents(id)).toEqual([expect.objectContaining({ amount_refunded: totalMinor })]);
  });

  test('is made once when two attempts overlap', async () => {
    const order = await lab.place(await placing());
    const cancellation = change.temporalCancel(Date.now());
    await createOrderActivities(lab.store).beginCancellation({
      order: change.beginCancellation(order, cancellation, 'refund_pending', Date.now()),
      cancellation,
    });
    const refunds = [calls.hold(order.id, 'refund'), calls.hold(order.id, 'refund')];
    const { undoPayment } = createPaymentActivities(lab.store, lab.provider);

    const undone = Promise.all([undoPayment(firstTry(order)), undoPayment(firstTry(order))]);
    await Promise.all(refunds.map((refund) => refund.reached));
    for (const refund of refunds) refund.release();

    const { intentId } = await paidFor(order);
    const refunded = { outcome: 'refunded', provider: 'stripe', intentId, amountMinor: order.totalMinor };
    expect(await undone).toEqual([refunded, refunded]);
    expect(await lab.intents(order.id)).toEqual([
      expect.objectContaining({ amount_refunded: order.totalMinor }),
    ]);
  });
});

test('the undo of a run that was reset takes no money from the order that the next run has confirmed', async () => {
  const order = await lab.place(await placing());
  const { undoPayment } = createPaymentActivities(lab.store, lab.provider);
  expect(await undoPayment(firstTry(order))).toEqual({ outcome: 'nothing' });
  expect(await lab.intents(order.id)).toEqual([expect.objectContaining({ amount_refunded: 0 })]);
});

describe('a payment provider that is away until the deadline', () => {
  test('has the order rejected, with its stock back', async () => {
    const before = await lab.stockOf('walnut-desk');
    const input = await placing({ paymentDeadlineMs: 800 });
    const { id } = input.order;
    await lab.fault({ operation: '*', mode: 'drop_before', times: null, match: { orderId: id } });

    const order = await lab.place(input);

    expect(order).toMatchObject({
      status: 'rejected',
      payment: 'failed',
      rejection: { code: 'payment_unavailable' },
    });
    expect(await lab.stockOf('walnut-desk')).toEqual(before);
    expect(await lab.intents(id)).toEqual([]);
    await lab.handle(id).result();
    expect((await lab.story(id)).toSorted()).toEqual(
      ['OrderCreated', 'StockReserved', 'StockReleased', 'PaymentFailed', 'OrderRejected'].toSorted(),
    );
  });

  test('gives back what it took while every answer was lost', async () => {
    const input = await placing({ paymentDeadlineMs: 800 });
    const { id, totalMinor } = input.order;
    await lab.fault({ operation: 'confirm', mode: 'drop_after', times: null, match: { orderId: id } });

    const order = await lab.place(input);

    expect(order).toMatchObject({
      status: 'rejected',
      payment: 'refunded',
      rejection: { code: 'payment_unavailable' },
    });
    await endedWithNothingLeft(lab, id);
    expect(await lab.intents(id)).toEqual([
      expect.objectContaining({ amount_captured: totalMinor, amount_refunded: totalMinor }),
    ]);
  });

  test('can void what it created but never confirmed', async () => {
    const input = await placing({ paymentDeadlineMs: 800 });
    const { id } = input.order;
    await lab.fault({ operation: 'confirm', mode: 'fail_before', times: null, match: { orderId: id } });

    expect(await lab.place(input)).toMatchObject({ status: 'rejected', payment: 'failed' });

    await endedWithNothingLeft(lab, id);
    expect(await lab.intents(id)).toEqual([expect.objectContaining({ status: 'canceled' })]);
  });
});

describe('an undo that comes before what it undoes', () => {
  test('keeps the payment from ever being made: its intent is voided', async () => {
    const input = await placing();
    const { id } = input.order;
    const created = calls.hold(id, 'createIntent', 'after');
    await lab.start(input);
    await created.reached;
    expect(await lab.store.ledger.ofOrder(id)).toEqual([]);

    const { undoPayment } = createPaymentActivities(lab.store, lab.provider);
    expect(await undoPayment(firstTry(input.order))).toEqual({ outcome: 'nothing' });
    created.release();

    expect(await lab.handle(id).result()).toEqual({ status: 'rejected' });
    expect(await lab.intents(id)).toEqual([
      expect.objectContaining({ status: 'canceled', amount_captured: 0 }),
    ]);
    const history = JSON.stringify(await lab.handle(id).fetchHistory());
    expect(history).toContain('PaymentTryClosed');
  });
});

describe('a database that is away', () => {
  test('while the order is to be confirmed: it waits with timers, answers queries, then confirms', async () => {
    const input = await placing();
    const { id } = input.order;
    const authorized = calls.hold(id, 'authorize', 'after');
    const decision = lab.place(input);
    await authorized.reached;
    const { db } = lab.store;
    const write = db.write;
    try {
      db.write = () => Promise.reject(new Error('connect ECONNREFUSED'));
      authorized.release();
      await eventually('the order to say so', async () =>
        (await lab.currentDetails(id)).includes('**Database away**: confirm the order: connect ECONNREFUSED'),
      );
      expect((await lab.handle(id).query(getOrder)).status).toBe('placed');
      await eventually('a timer to wait for it', async () => (await timersOf(id)) >= 1);
      // A new worker reads from the history that it waits.
      await lab.stopWorkers();
      await lab.startWorkers();
      expect((await lab.handle(id).query(getOrder)).status).toBe('placed');
    } finally {
      db.write = write;
    }

    expect(await decision).toMatchObject({ status: 'confirmed', version: 2 });
    expect(await lab.currentDetails(id)).not.toContain('Database away');
    expect(await lab.story(id)).toEqual([
      'OrderCreated',
      'StockReserved',
      'PaymentSucceeded',
      'OrderConfirmed',
    ]);
    // A marker, a timer and its task: what one round of waiting costs.
    const { historyLength } = await lab.handle(id).describe();
    expect(historyLength).toBeLessThanOrEqual(18 + 8 * (await timersOf(id)));
  });

  async function timersOf(id: string): Promise<number> {
    const { events } = await lab.handle(id).fetchHistory();
    return (events ?? []).filter((e) => e.timerStartedEventAttributes).length;
  }
});

describe('a step whose answer was lost', () => {
  test('confirming: it happens once, and the versions follow each other', async () => {
    const input = await placing();
    const { id } = input.order;
    const authorized = calls.hold(id, 'authorize', 'after');
    const decision = lab.place(input);
    await authorized.reached;
    const steps = createOrderActivities(lab.store);
    const order = change.confirmOrder(input.order, 'paid', Date.now());
    await steps.confirmOrder({ order, paid: await paidFor(input.order) });
    authorized.release();

    expect(await decision).toEqual(order);
    expect(await lab.store.orders.find(id)).toEqual(order);
    expect(await lab.story(id)).toEqual([
      'OrderCreated',
      'StockReserved',
      'PaymentSucceeded',
      'OrderConfirmed',
    ]);
    expect((await lab.store.ledger.ofOrder(id)).map((e) => e.kind)).toEqual(['intent', 'captured']);
  });

  test('confirming, and the order is then cancelled on top of it: one payment, refunded once', async () => {
    const input = await placing();
    const { id } = input.order;
    const authorized = calls.hold(id, 'authorize', 'after');
    await lab.start(input);
    await authorized.reached;
    const steps = createOrderActivities(lab.store);
    const order = change.confirmOrder(input.order, 'paid', Date.now());
    await steps.confirmOrder({ order, paid: await paidFor(input.order) });
    await lab.handle(id).signal(cancelOrder);
    await lab.handle(id).query(getOrder);
    authorized.release();

    expect(await endedWithNothingLeft(lab, id)).toMatchObject({
      status: 'cancelled',
      payment: 'refunded',
      version: 5,
    });
    expect((await lab.story(id)).toSorted()).toEqual(
      [
        'OrderCreated',
        'StockReserved',
        'PaymentSucceeded',
        'OrderConfirmed',
        'OrderCancelling',
        'StockReleased',
        'PaymentRefunded',
        'OrderCancelled',
      ].toSorted(),
    );
  });

  test('beginning the cancellation: the next try, at a later moment, tells the same fact', async () => {
    const placed = await lab.place(await placing());
    const { id } = placed;
    const steps = createOrderActivities(lab.store);
    const earlier = {
      reason: 'once',
      requestedBy: { kind: 'signal' as const },
      requestedAtMs: Date.now() - 10_000,
    };
    const order = change.beginCancellation(placed, earlier, 'refund_pending', earlier.requestedAtMs);
    await steps.beginCancellation({ order, cancellation: earlier });

    await lab.handle(id).signal(cancelOrder, { reason: 'once' });

    expect(await endedWithNothingLeft(lab, id)).toMatchObject({
      status: 'cancelled',
      version: 5,
      cancellation: earlier,
    });
  });

  test('opening and releasing: stock is taken once and given back once', async () => {
    const before = await lab.stockOf('walnut-desk');
    const { order } = await placing();
    const steps = createOrderActivities(lab.store);

    const first = await steps.openOrder({ order, reserve: true });
    expect(await steps.openOrder({ order, reserve: true })).toEqual({ ...first, order, holdsStock: true });
    expect((await lab.stockOf('walnut-desk')).reserved).toBe(before.reserved + 1);

    const atMs = Date.now();
    await steps.releaseStock({ orderId: order.id, atMs });
    await steps.releaseStock({ orderId: order.id, atMs });
    expect(await lab.stockOf('walnut-desk')).toEqual(before);
    expect(await steps.openOrder({ order, reserve: true })).toMatchObject({ holdsStock: false });
    expect(await lab.story(order.id)).toEqual(['OrderCreated', 'StockReserved', 'StockReleased']);
  });
});
