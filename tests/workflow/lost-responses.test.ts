import { createOrderActivities } from '../../activities/orders';
import * as change from '../../domain/orders/order-changes';
import { cancelOrder, getOrder } from '../../workflows/orders/messages';
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

describe('a step whose response was lost', () => {
  test('confirmation: applied once, with consecutive versions', async () => {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    const authorized = paymentCalls.pause(id, 'authorize', 'after');
    const decision = testEnv.placeOrder(input);
    await authorized.reached;
    const activities = createOrderActivities(testEnv.store);
    const order = change.confirmOrder(input.order, Date.now());
    await activities.confirmOrder({ order, paid: await testEnv.getCapturedPayment(input.order) });
    authorized.resume();

    const paid = { ...order, payment: 'paid' };
    expect(await decision).toEqual(paid);
    expect(await testEnv.store.orders.find(id)).toEqual(paid);
    expect(await testEnv.listEventTypes(id)).toEqual([
      'OrderCreated',
      'StockReserved',
      'PaymentSucceeded',
      'OrderConfirmed',
    ]);
    expect((await testEnv.store.ledger.findByOrder(id)).map((e) => e.kind)).toEqual(['intent', 'captured']);
  });

  test('confirmation, followed by a cancellation: refunds the single payment once', async () => {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    const authorized = paymentCalls.pause(id, 'authorize', 'after');
    await testEnv.startOrder(input);
    await authorized.reached;
    const activities = createOrderActivities(testEnv.store);
    const order = change.confirmOrder(input.order, Date.now());
    await activities.confirmOrder({ order, paid: await testEnv.getCapturedPayment(input.order) });
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

  test('start of the cancellation: a later attempt keeps the recorded cancellation', async () => {
    const placed = await testEnv.placeOrder(await testEnv.createOrderInput());
    const { id } = placed;
    const activities = createOrderActivities(testEnv.store);
    const earlier = {
      reason: 'once',
      requestedBy: { kind: 'signal' as const },
      requestedAtMs: Date.now() - 10_000,
    };
    const order = change.startCancellation(placed, earlier, earlier.requestedAtMs);
    await activities.startCancellation({ order, cancellation: earlier });

    await testEnv.getHandle(id).signal(cancelOrder, { reason: 'once' });

    expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
      status: 'cancelled',
      version: 5,
      cancellation: earlier,
    });
  });

  test('creation and release: reserves the stock once and releases it once', async () => {
    const before = await testEnv.getStock('walnut-desk');
    const { order } = await testEnv.createOrderInput();
    const activities = createOrderActivities(testEnv.store);

    const first = await activities.createOrder({ order, reserve: true });
    expect(await activities.createOrder({ order, reserve: true })).toEqual({
      ...first,
      outcome: 'exists',
      order,
      hasReservation: true,
    });
    expect((await testEnv.getStock('walnut-desk')).reserved).toBe(before.reserved + 1);

    const atMs = Date.now();
    await activities.releaseStock({ orderId: order.id, atMs });
    await activities.releaseStock({ orderId: order.id, atMs });
    expect(await testEnv.getStock('walnut-desk')).toEqual(before);
    expect(await activities.createOrder({ order, reserve: true })).toMatchObject({ hasReservation: false });
    expect(await testEnv.listEventTypes(order.id)).toEqual([
      'OrderCreated',
      'StockReserved',
      'StockReleased',
    ]);
  });
});
