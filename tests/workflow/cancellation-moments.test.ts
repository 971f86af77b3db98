import { createPaymentActivities } from '../../activities/payments';
import type { OrderPolicy } from '../../domain/shared/policy';
import { cancelOrder, getOrder, ORDER_WORKFLOW, type OrderInput } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { HeldCalls } from '../harness/workflow/held-calls';
import { Lab } from '../harness/workflow/lab';
import { endedWithNothingLeft } from '../harness/workflow/settled';

const calls = new HeldCalls();
let lab: Lab;
beforeAll(async () => {
  // Long enough that a cancelled payment never ends by its deadline.
  lab = await Lab.open({ provider: calls.wrap, policy: { paymentDeadlineMs: 120_000 } });
});
afterEach(() => lab.clearFaults());
afterAll(() => lab.close());

const CANCEL = { reason: 'changed my mind', requestedBy: 'desk 4' };
/** Well below the payment deadline, far above what a cancellation takes. */
const PROMPTLY_MS = 15_000;

async function placing(policy: Partial<OrderPolicy> = {}): Promise<OrderInput> {
  const input = await lab.input();
  return { ...input, policy: { ...input.policy, ...policy } };
}

/** The stories of undoing run side by side: the first are told in any order. */
const asSet = (story: readonly string[]): string[] => story.toSorted();

describe('before anything was reserved', () => {
  afterEach(() => lab.startWorkers());

  test('a signal sent with the start reserves nothing and pays nothing', async () => {
    const input = await placing();
    const { id } = input.order;
    const before = await lab.stockOf('walnut-desk');
    await lab.stopWorkers();
    await lab.client.workflow.signalWithStart(ORDER_WORKFLOW, {
      workflowId: id,
      taskQueue: lab.queues.orders,
      args: [input],
      signal: cancelOrder,
      signalArgs: [CANCEL],
    });
    await lab.startWorkers();

    const order = await endedWithNothingLeft(lab, id);
    await lab.stopWorkers();
    expect(order).toMatchObject({
      status: 'cancelled',
      payment: 'none',
      cancellation: { reason: CANCEL.reason, requestedBy: { kind: 'signal', claim: CANCEL.requestedBy } },
    });
    expect(await lab.story(id)).toEqual(['OrderCreated', 'OrderCancelling', 'OrderCancelled']);
    expect(await lab.intents(id)).toEqual([]);
    expect(await lab.stockOf('walnut-desk')).toEqual(before);
  });

  test("a signal, or Temporal's own cancel, while no worker runs pays nothing", async () => {
    const [signalled, cancelled] = await Promise.all([placing(), placing()]);
    const before = await lab.stockOf('walnut-desk');
    await lab.stopWorkers();
    await Promise.all([lab.start(signalled), lab.start(cancelled)]);
    await lab.handle(signalled.order.id).signal(cancelOrder);
    await lab.handle(cancelled.order.id).cancel();
    await lab.startWorkers();

    for (const { id } of [signalled.order, cancelled.order]) {
      expect(await endedWithNothingLeft(lab, id)).toMatchObject({ status: 'cancelled', payment: 'none' });
      expect(await lab.intents(id)).toEqual([]);
    }
    expect(await lab.story(signalled.order.id)).toEqual([
      'OrderCreated',
      'OrderCancelling',
      'OrderCancelled',
    ]);
    expect(await lab.stockOf('walnut-desk')).toEqual(before);
    await lab.stopWorkers();
  });
});

describe('before the payment', () => {
  test('it is awaited and given back: one intent, refunded once', async () => {
    const input = await placing();
    const { id } = input.order;
    const create = calls.hold(id, 'createIntent');
    await lab.start(input);
    await create.reached;

    await lab.handle(id).signal(cancelOrder, CANCEL);
    expect((await lab.handle(id).query(getOrder)).status).toBe('placed');
    create.release();

    expect(await endedWithNothingLeft(lab, id)).toMatchObject({ status: 'cancelled', payment: 'refunded' });
    expect(asSet(await lab.story(id))).toEqual(
      asSet([
        'OrderCreated',
        'StockReserved',
        'PaymentSucceeded',
        'OrderCancelling',
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
    const input = await placing();
    const { id } = input.order;
    const authorize = calls.hold(id, 'authorize', at);
    const decision = lab.place(input);
    await authorize.reached;

    await (how === 'signal' ? lab.handle(id).signal(cancelOrder) : lab.handle(id).cancel());
    await lab.handle(id).query(getOrder);
    authorize.release();

    // Whoever waits for the placement is told.
    expect(await decision).toMatchObject({ id, status: 'cancelling', payment: 'refund_pending' });
    const order = await endedWithNothingLeft(lab, id);
    expect(order).toMatchObject({ status: 'cancelled', payment: 'refunded' });
    expect(await lab.intents(id)).toEqual([
      expect.objectContaining({ amount_captured: order.totalMinor, amount_refunded: order.totalMinor }),
    ]);
    expect((await lab.story(id)).filter((type) => type === 'PaymentRefunded')).toHaveLength(1);
  });

  test('a slow provider is awaited too', async () => {
    const input = await placing();
    const { id } = input.order;
    await lab.fault({ operation: 'confirm', mode: 'delay', delayMs: 700, match: { orderId: id } });
    await lab.start(input);
    await eventually('the intent to be there', async () => (await lab.intents(id)).length === 1);

    await lab.handle(id).signal(cancelOrder);

    await endedWithNothingLeft(lab, id);
    expect(await lab.intents(id)).toEqual([expect.objectContaining({ status: 'succeeded' })]);
  });

  test('a card that is then declined ends in a cancelled order with nothing to pay', async () => {
    const input = { ...(await placing()), paymentMethod: 'pm_card_visa_chargeDeclined' };
    const { id } = input.order;
    const authorize = calls.hold(id, 'authorize');
    await lab.start(input);
    await authorize.reached;

    await lab.handle(id).signal(cancelOrder);
    await lab.handle(id).query(getOrder);
    authorize.release();

    expect(await endedWithNothingLeft(lab, id)).toMatchObject({ status: 'cancelled', payment: 'failed' });
    expect(await lab.intents(id)).toEqual([
      expect.objectContaining({ status: 'canceled', amount_captured: 0 }),
    ]);
  });
});

describe('while the payment is tried again and again', () => {
  test.each<[operation: string, how: 'signal' | 'native', payment: string]>([
    ['create', 'signal', 'none'],
    ['confirm', 'native', 'voided'],
  ])('a failing %s is given up at once and can take nothing later (%s)', async (operation, how, payment) => {
    const input = await placing();
    const { id, totalMinor: amountMinor, currency } = input.order;
    await lab.fault({ operation, mode: 'fail_before', times: null, match: { orderId: id } });
    await lab.start(input);
    await eventually('a second attempt', async () => (await lab.attempt(id)) >= 2);

    const askedMs = performance.now();
    await (how === 'signal' ? lab.handle(id).signal(cancelOrder) : lab.handle(id).cancel());
    const order = await endedWithNothingLeft(lab, id);

    expect(performance.now() - askedMs).toBeLessThan(PROMPTLY_MS);
    expect(order).toMatchObject({ status: 'cancelled', payment });
    // An attempt that lost its worker comes to life: the try is over.
    await lab.clearFaults();
    const { takePayment } = createPaymentActivities(lab.store, lab.provider);
    await expect(
      takePayment({ orderId: id, attempt: 1, amountMinor, currency, paymentMethod: 'pm_card_visa' }),
    ).rejects.toMatchObject({ type: 'PaymentTryClosed', nonRetryable: true });
    expect((await lab.intents(id)).map((i) => [i.status, i.amount_captured])).toEqual([['canceled', 0]]);
  });

  test('a payment that was made but whose answer was always lost is refunded once', async () => {
    const input = await placing();
    const { id } = input.order;
    await lab.fault({ operation: 'confirm', mode: 'drop_after', times: null, match: { orderId: id } });
    await lab.start(input);
    await eventually('a second attempt', async () => (await lab.attempt(id)) >= 2);

    await lab.handle(id).signal(cancelOrder);

    const order = await endedWithNothingLeft(lab, id);
    expect(order).toMatchObject({ status: 'cancelled', payment: 'refunded' });
    expect(await lab.intents(id)).toEqual([
      expect.objectContaining({ amount_captured: order.totalMinor, amount_refunded: order.totalMinor }),
    ]);
    expect((await lab.story(id)).filter((type) => type === 'PaymentRefunded')).toHaveLength(1);
  });
});

test('a cancellation that comes while the order is being rejected is written down and changes nothing', async () => {
  const input = await placing({ paymentDeadlineMs: 600, attentionAfterMs: 30_000 });
  const { id } = input.order;
  await lab.fault({ operation: 'confirm', mode: 'fail_before', times: null, match: { orderId: id } });
  const undo = calls.hold(id, 'void');
  const decision = lab.place(input);
  await undo.reached;

  await lab.handle(id).signal(cancelOrder, CANCEL);
  await lab.handle(id).cancel();
  await eventually('both refusals in the log', async () => {
    const story = await lab.story(id);
    return story.filter((type) => type === 'CancellationRefused').length === 2;
  });
  expect((await lab.handle(id).query(getOrder)).status).toBe('placed');
  undo.release();

  expect(await decision).toMatchObject({ status: 'rejected', rejection: { code: 'payment_unavailable' } });
  const order = await endedWithNothingLeft(lab, id);
  expect(order).toMatchObject({ status: 'rejected', cancellation: null });
  const refused = (await lab.store.log.ofOrder(id)).filter((row) => row.type === 'CancellationRefused');
  // Counted for each kind of asker: should a worker die, the repeated task may come to them in another order.
  expect(refused.map(({ eventKey }) => eventKey)).toEqual([
    `${id}:cancellation-refused:signal:1`,
    `${id}:cancellation-refused:temporal:1`,
  ]);
  const refusals = refused.map((row) => JSON.parse(row.body) as { actor: string; data: unknown });
  const why = 'The order is being rejected: payment_unavailable';
  expect(refusals.map(({ actor, data }) => [actor, data])).toEqual([
    ['signal (claims: desk 4)', { reason: 'changed my mind', why }],
    ['temporal', { reason: null, why }],
  ]);
});
