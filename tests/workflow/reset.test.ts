import { randomUUID } from 'node:crypto';
import { temporal } from '@temporalio/proto';
import { createOrderActivities } from '../../activities/orders';
import * as change from '../../domain/orders/order-changes';
import { cancelOrder, getOrder, placement } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { HeldCalls } from '../harness/workflow/held-calls';
import { Lab } from '../harness/workflow/lab';
import { endedWithNothingLeft, heldUnits } from '../harness/workflow/settled';

const { RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL } = temporal.api.enums.v1.ResetReapplyExcludeType;

const calls = new HeldCalls();
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open({ provider: calls.wrap });
});
afterEach(() => lab.clearFaults());
afterAll(() => lab.close());

/** Back to a workflow task, the first one: everything runs again. Signals are sent to the new run again, or not. */
async function reset(id: string, signals: 'again' | 'dropped' = 'again', task = 0): Promise<void> {
  const { events } = await lab.handle(id).fetchHistory();
  const ended = events?.filter((e) => e.workflowTaskCompletedEventAttributes)[task];
  expect(ended).toBeDefined();
  const { runId } = await lab.handle(id).describe();
  await lab.client.workflowService.resetWorkflowExecution({
    namespace: lab.client.options.namespace,
    workflowExecution: { workflowId: id, runId },
    reason: 'test',
    requestId: randomUUID(),
    workflowTaskFinishEventId: ended?.eventId ?? null,
    resetReapplyExcludeTypes: signals === 'dropped' ? [RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL] : [],
  });
  expect((await lab.handle(id).describe()).runId).not.toBe(runId);
}

const CONFIRMED = ['OrderCreated', 'StockReserved', 'PaymentSucceeded', 'OrderConfirmed'];
const CANCELLED = [...CONFIRMED, 'OrderCancelling', 'StockReleased', 'PaymentRefunded', 'OrderCancelled'];

async function confirmed() {
  const order = await lab.place(await lab.input());
  expect(order.status).toBe('confirmed');
  return order;
}

async function paidOnce(id: string, refunded: boolean): Promise<void> {
  const intents = await lab.intents(id);
  expect(intents.map((i) => [i.status, i.amount_refunded > 0])).toEqual([['succeeded', refunded]]);
}

describe('a reset to the first workflow task', () => {
  test('of a confirmed order reserves and pays nothing again, and the order can still be cancelled', async () => {
    const order = await confirmed();
    const { id } = order;

    await reset(id);

    await eventually('the new run to know the order', async () => {
      const now = await lab.handle(id).query(getOrder);
      return now.status === 'confirmed';
    });
    expect(await lab.handle(id).query(getOrder)).toEqual(order);
    expect(await lab.store.orders.find(id)).toEqual(order);
    expect(await lab.story(id)).toEqual(CONFIRMED);
    expect(await heldUnits(lab, id)).toBe(1);
    await paidOnce(id, false);

    await lab.handle(id).signal(cancelOrder);
    await endedWithNothingLeft(lab, id);
    expect((await lab.story(id)).toSorted()).toEqual(CANCELLED.toSorted());
  });

  test.each(['again', 'dropped'] as const)(
    'of a cancelled order ends at once (signals %s)',
    async (signals) => {
      const { id } = await confirmed();
      await lab.handle(id).signal(cancelOrder, { reason: 'once' });
      const order = await endedWithNothingLeft(lab, id);
      const log = await lab.store.log.ofOrder(id);

      await reset(id, signals);

      expect(await endedWithNothingLeft(lab, id)).toEqual(order);
      expect(await lab.store.log.ofOrder(id)).toEqual(log);
      await paidOnce(id, true);
    },
  );

  test('of a rejected order ends at once, with the same answer', async () => {
    const input = await lab.input({ 'walnut-desk': 1 }, 'pm_card_visa_chargeDeclined');
    const { id } = input.order;
    await lab.place(input);
    const order = await endedWithNothingLeft(lab, id);

    await reset(id);

    expect(await endedWithNothingLeft(lab, id)).toEqual(order);
  });

  test('of a confirmed order, with a cancellation waiting for it, gives the money back', async () => {
    const { id } = await confirmed();
    await lab.stopWorkers();
    await lab.handle(id).signal(cancelOrder, { reason: 'while nobody worked' });

    await reset(id);
    await lab.startWorkers();

    expect(await endedWithNothingLeft(lab, id)).toMatchObject({ status: 'cancelled', payment: 'refunded' });
    expect((await lab.story(id)).toSorted()).toEqual(CANCELLED.toSorted());
  });

  test.each(['again', 'dropped'] as const)(
    'of an order whose refund is under way gives the money back once (signals %s)',
    async (signals) => {
      const { id } = await confirmed();
      await lab.fault({ operation: 'refund', mode: 'fail_before', times: null, match: { orderId: id } });
      await lab.handle(id).signal(cancelOrder, { reason: 'once' });
      await eventually('the refund to be tried', async () => (await lab.attempt(id)) >= 2);

      await reset(id, signals);
      await lab.clearFaults();

      expect(await endedWithNothingLeft(lab, id)).toMatchObject({
        payment: 'refunded',
        cancellation: { reason: 'once' },
      });
      await paidOnce(id, true);
      const story = (await lab.story(id)).filter((type) => !/Attention/.test(type));
      expect(story.toSorted()).toEqual(CANCELLED.toSorted());
    },
  );

  test('with a cancellation, while the run before is still paying: what that takes is given back', async () => {
    const input = await lab.input();
    const { id } = input.order;
    const authorize = calls.hold(id, 'authorize');
    await lab.start(input);
    await authorize.reached;
    const late = calls.hold(id, 'authorize', 'after');

    await lab.handle(id).signal(cancelOrder);
    await reset(id);
    expect(await endedWithNothingLeft(lab, id)).toMatchObject({ status: 'cancelled', payment: 'voided' });
    authorize.release();
    await late.reached;
    late.release();

    await endedWithNothingLeft(lab, id);
  });
});

describe('a reset to a task behind the first', () => {
  /** The task that heard how the payment ended. */
  const PAID = 1;

  test('of an order whose stock was given back, and its payment not yet, does not sell it after all', async () => {
    const input = await lab.input();
    const { id } = input.order;
    const authorize = calls.hold(id, 'authorize');
    await lab.start({
      ...input,
      policy: { ...input.policy, paymentDeadlineMs: 1_000, attentionAfterMs: 300 },
    });
    await authorize.reached;
    // Somebody asks for the decision: a task between the reservation and the end of the payment.
    await lab.handle(id).startUpdate(placement, { waitForStage: 'ACCEPTED' });
    for (const operation of ['confirm', 'cancel'] as const) {
      await lab.fault({ operation, mode: 'fail_before', times: null, match: { orderId: id } });
    }
    authorize.release();
    await eventually('the undo to fail', async () => (await lab.store.orders.find(id))?.attention != null);
    expect(await heldUnits(lab, id)).toBe(0);

    await reset(id, 'again', 1);
    await lab.clearFaults();

    expect(await endedWithNothingLeft(lab, id)).toMatchObject({ status: 'rejected' });
  });

  test.each(['again', 'dropped'] as const)(
    'of an order whose refund is under way gives the money back once (signals %s)',
    async (signals) => {
      const { id } = await confirmed();
      await eventually('it rests', async () => (await lab.handle(id).query(getOrder)).status === 'confirmed');
      await lab.fault({ operation: 'refund', mode: 'fail_before', times: null, match: { orderId: id } });
      await lab.handle(id).signal(cancelOrder, { reason: 'once' });
      await eventually('the refund to be tried', async () => (await lab.attempt(id)) >= 2);

      await reset(id, signals, PAID);
      await lab.clearFaults();

      expect(await endedWithNothingLeft(lab, id)).toMatchObject({
        status: 'cancelled',
        payment: 'refunded',
        cancellation: { reason: 'once' },
      });
      await paidOnce(id, true);
    },
  );
});

test('a payment that was given back cannot pay for the order after a reset', async () => {
  const input = await lab.input();
  const { id } = input.order;
  const authorized = calls.hold(id, 'authorize', 'after');
  await lab.start(input);
  await authorized.reached;
  // The run before this one refunded it and was reset before it could say that the order is rejected.
  const [intent] = await lab.intents(id);
  const refund = {
    key: `${id}:refund:test`,
    intentId: intent?.id ?? '',
    amountMinor: input.order.totalMinor,
  };
  await lab.provider.refund(refund);
  await createOrderActivities(lab.store).recordPaymentUndo({
    order: change.undoPayment(input.order, 'refunded', Date.now()),
    undo: { outcome: 'refunded', provider: 'stripe', ...refund },
  });
  await reset(id);
  authorized.release();

  expect(await endedWithNothingLeft(lab, id)).toMatchObject({ status: 'rejected', payment: 'refunded' });
});

describe('the same placement again', () => {
  test('with the same update id is the same order and the same answer', async () => {
    const input = await lab.input();
    const first = await lab.place(input);
    expect(await lab.place(input)).toEqual(first);
    await paidOnce(first.id, false);
    expect(await lab.story(first.id)).toEqual(CONFIRMED);
  });

  test('twenty times at once is one order, reserved and paid once', async () => {
    const input = await lab.input();
    const { id } = input.order;
    const answers = await Promise.all(Array.from({ length: 20 }, () => lab.place(input)));
    expect(new Set(answers.map((a) => JSON.stringify(a))).size).toBe(1);
    expect(answers[0]).toMatchObject({ id, status: 'confirmed' });
    await paidOnce(id, false);
    expect(await heldUnits(lab, id)).toBe(1);
    expect(await lab.story(id)).toEqual(CONFIRMED);
  });
});
