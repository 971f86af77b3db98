import { createOrderActivities, type OrderActivities } from '../../../activities/orders';
import { EventKeyConflictError } from '../../../db/events/event-log';
import { LedgerKeyConflictError } from '../../../db/payments/payment-ledger';
import type { Cancellation, Order } from '../../../domain/orders/order';
import * as changes from '../../../domain/orders/order-changes';
import * as events from '../../../domain/orders/order-events';
import { eventKey } from '../../../domain/shared/ids';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import {
  buildDeclinedAttempt,
  createCancellingOrder,
  createOpenOrder,
  nextTimestamp,
  ORDER_ACTIVITY_CASES,
} from './order-activity-cases';
import { buildPayment, newOrder, queryRows, snapshotTables } from './sample-orders';

describe.each(DIALECTS)('order activities on %s', (dialect) => {
  let shop: TestStore;
  let activities: OrderActivities;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    activities = createOrderActivities(shop.store);
  });
  afterAll(() => shop.close());

  const listEventKeys = async (order: Order): Promise<string[]> =>
    (await shop.store.log.findByOrder(order.id)).map((row) => row.eventKey.slice(order.id.length + 1));

  const cases = ORDER_ACTIVITY_CASES.map((activity) => ({
    ...activity,
    title: `${activity.name} ${activity.variant ?? ''}`.trim(),
  }));

  test.each(cases)('$title: a later retry returns the same result and changes nothing', async (activity) => {
    const order = await activity.setup(activities);
    const keysBefore = await listEventKeys(order);
    const first = await activity.run(activities, order, 0);
    const after = await snapshotTables(shop.db);
    expect((await listEventKeys(order)).slice(keysBefore.length)).toEqual(activity.expectedEvents);

    const retried = await activity.run(activities, order, 5_000);
    expect(await snapshotTables(shop.db)).toEqual(after);
    expect(retried.head).toEqual(first.head);
    const [firstOutcome, repeatedOutcome] = activity.expectedOutcomes ?? ['recorded', 'recorded'];
    if (first.outcome !== undefined) expect(first.outcome).toBe(firstOutcome);
    if (retried.outcome !== undefined) expect(retried.outcome).toBe(repeatedOutcome);
  });

  test.each(cases)('$title: five concurrent runs have one effect', async (activity) => {
    const order = await activity.setup(activities);
    const keysBefore = await listEventKeys(order);
    const results = await Promise.all([0, 1, 2, 3, 4].map((ms) => activity.run(activities, order, ms)));
    expect((await listEventKeys(order)).slice(keysBefore.length)).toEqual(activity.expectedEvents);
    const after = await snapshotTables(shop.db);
    const retried = await activity.run(activities, order, 0);
    expect(await snapshotTables(shop.db)).toEqual(after);
    for (const { head, outcome } of results) {
      expect(head).toEqual(retried.head);
      if (outcome !== undefined) expect(activity.expectedOutcomes ?? ['recorded']).toContain(outcome);
    }
  });

  test('an activity that starts from another version than the stored one is stale and returns the stored order', async () => {
    const order = await createCancellingOrder(activities);
    const before = await snapshotTables(shop.db);
    const behind = changes.confirmOrder({ ...order, status: 'placed', version: 1 }, nextTimestamp(order));
    const result = await activities.rejectOrder({ order: behind, payment: buildDeclinedAttempt(order) });
    expect(result.outcome).toBe('stale');
    expect(result.order).toEqual(order);
    const ahead = changes.finishCancellation({ ...order, version: 9 }, nextTimestamp(order));
    expect(await activities.finishCancellation({ order: ahead })).toMatchObject({ outcome: 'stale', order });
    expect(await snapshotTables(shop.db)).toEqual(before);
  });

  test.each<[label: string, before: Partial<Order>, cancellation: Cancellation | null]>([
    [
      'with another requester',
      { status: 'confirmed', payment: 'paid', version: 2 },
      changes.createTemporalCancellation(9),
    ],
    ['from a state without the recorded payment', { status: 'placed', payment: 'pending', version: 1 }, null],
    [
      'from a state that requires attention',
      { status: 'placed', attention: { step: 'x', detail: 'x', sinceMs: 1 } },
      null,
    ],
  ])('a started cancellation is unchanged when its activity runs again %s', async (_, before, other) => {
    const order = await createCancellingOrder(activities);
    const snapshot = await snapshotTables(shop.db);
    const cancellation = other ?? (order.cancellation as Cancellation);
    const behind = { ...order, cancellation: null, ...before };
    const result = await activities.startCancellation({
      order: changes.startCancellation(behind, cancellation, nextTimestamp(order)),
      cancellation,
    });
    expect(result).toMatchObject({ outcome: 'recorded', order });
    expect(await snapshotTables(shop.db)).toEqual(snapshot);
  });

  test('a flagged order keeps the detail and the version of the first flag', async () => {
    const order = await createCancellingOrder(activities);
    const step = 'reverse the payment';
    const flag = (detail: string, atMs: number) =>
      activities.recordAttention({ order, attention: { step, detail, sinceMs: atMs }, step, atMs });
    const first = await flag('no response in time', order.updatedAtMs + 1);
    const second = await flag('payment provider: unreachable', order.updatedAtMs + 2);
    expect(first.order).toMatchObject({ attention: { detail: 'no response in time' } });
    expect(second).toEqual(first);
  });

  test('an order that has another status is not flagged', async () => {
    const order = await createCancellingOrder(activities);
    const before = await snapshotTables(shop.db);
    const attention = { step: 'x', detail: 'x', sinceMs: 1 };
    const known: Order = { ...order, status: 'placed' };
    const result = await activities.recordAttention({ order: known, attention, step: 'x', atMs: 1 });
    expect(result).toMatchObject({ outcome: 'stale', order });
    expect(await snapshotTables(shop.db)).toEqual(before);
  });

  test('a decline that a cancellation has overtaken is recorded when the cancellation ends', async () => {
    const order = await createOpenOrder(activities);
    const { attempt, provider, intentId, declineCode } = buildDeclinedAttempt(order);
    const { id: orderId, totalMinor: amountMinor, currency } = order;
    const payment = { orderId, attempt, amountMinor, currency, provider, intentId };
    const cancellation = changes.createTemporalCancellation(order.updatedAtMs);
    const cancelling = changes.startCancellation(order, cancellation, nextTimestamp(order));
    await activities.startCancellation({ order: cancelling, cancellation });
    await shop.store.ledger.recordIntent(payment, order.updatedAtMs);
    await shop.store.ledger.recordDecline({ ...payment, declineCode }, order.updatedAtMs);
    const finished = await activities.finishCancellation({
      order: changes.finishCancellation(cancelling, nextTimestamp(cancelling)),
    });
    expect(finished).toMatchObject({ outcome: 'recorded', payment: 'failed' });
    expect(await listEventKeys(order)).toEqual([
      'created',
      'reserved',
      'cancelling',
      'pay:1:failed',
      'cancelled',
    ]);
  });

  test('an order with a released reservation is not confirmed; a confirmed order retains its reservation', async () => {
    const [released, reserved] = [await createOpenOrder(activities), await createOpenOrder(activities)];
    const confirm = (order: Order) =>
      activities.confirmOrder({
        order: changes.confirmOrder(order, nextTimestamp(order)),
        paid: buildPayment(order),
      });
    const hasReservations = ({ id }: Order) => shop.store.stock.hasReservations(id);

    await activities.releaseStock({ orderId: released.id, atMs: nextTimestamp(released) });
    const before = await snapshotTables(shop.db);
    expect(await confirm(released)).toMatchObject({
      outcome: 'stale',
      order: { status: 'placed' },
    });
    expect(await snapshotTables(shop.db)).toEqual(before);

    expect(await confirm(reserved)).toMatchObject({ outcome: 'recorded' });
    await activities.releaseStock({ orderId: reserved.id, atMs: nextTimestamp(reserved) });
    expect([await hasReservations(released), await hasReservations(reserved)]).toEqual([false, true]);
  });

  test('a restarted run numbers its cancellation rejections after those of the previous run', async () => {
    const order = await createCancellingOrder(activities);
    const keysBefore = await listEventKeys(order);
    const reject = (reason: string) =>
      activities.recordCancellationRejection({
        order,
        request: changes.createTemporalCancellation(order.updatedAtMs),
        sequence: 1,
        reason,
      });
    await reject('It is being cancelled.');
    const second = await reject('It is cancelled.');
    expect((await listEventKeys(order)).slice(keysBefore.length)).toEqual([
      'cancellation-rejected:temporal:1',
      'cancellation-rejected:temporal:2',
    ]);
    expect(await reject('It is cancelled.')).toEqual(second);
  });

  test('an order that cannot be stored reserves no stock', async () => {
    const order = newOrder([['walnut-desk', 5]]);
    await appendEvent({
      ...events.orderCreated(order, { kind: 'guest' }),
      key: eventKey(order.id, 'reserved'),
      stream: `x_${order.id}`,
    });
    const before = await snapshotTables(shop.db);
    await expect(activities.createOrder({ order, reserve: true })).rejects.toThrow('is not in the database');
    expect(await snapshotTables(shop.db)).toEqual(before);
  });

  test('an activity whose event conflicts with the log leaves order, ledger and log unchanged', async () => {
    const order = await createOpenOrder(activities);
    const after = changes.confirmOrder(order, nextTimestamp(order));
    await appendEvent({ ...events.orderConfirmed(after), data: { forged: true } });
    const before = await snapshotTables(shop.db);
    await expect(activities.confirmOrder({ order: after, paid: buildPayment(order) })).rejects.toThrow(
      EventKeyConflictError,
    );
    expect(await snapshotTables(shop.db)).toEqual(before);
  });

  test('a release whose event conflicts with the log releases nothing', async () => {
    const order = await createOpenOrder(activities);
    await appendEvent(events.stockReleased(order.id, [], 1));
    const before = await snapshotTables(shop.db);
    await expect(activities.releaseStock({ orderId: order.id, atMs: 2 })).rejects.toThrow(
      EventKeyConflictError,
    );
    expect(await snapshotTables(shop.db)).toEqual(before);
  });

  test('an activity whose payment conflicts with the ledger leaves order and log unchanged', async () => {
    const order = await createOpenOrder(activities);
    await shop.db.write((tx) =>
      shop.store.ledger.add(
        [
          {
            key: `${order.id}:pay:1:captured`,
            orderId: order.id,
            kind: 'captured',
            amountMinor: 1,
            currency: 'EUR',
            provider: 'stripe',
            intentId: 'pi_other',
            declineCode: null,
          },
        ],
        1,
        tx,
      ),
    );
    const before = await snapshotTables(shop.db);
    const after = changes.confirmOrder(order, nextTimestamp(order));
    await expect(activities.confirmOrder({ order: after, paid: buildPayment(order) })).rejects.toThrow(
      LedgerKeyConflictError,
    );
    expect(await snapshotTables(shop.db)).toEqual(before);
  });

  test('a payment attempt has the first recorded intent, and none once it is sealed', async () => {
    const { ledger } = shop.store;
    const entry = (orderId: string, intentId: string) => ({
      orderId,
      attempt: 1,
      amountMinor: 100,
      currency: 'EUR',
      provider: 'stripe',
      intentId,
    });
    const [attempted, sealed] = [newOrder().id, newOrder().id];
    const intents = await Promise.all(
      ['a', 'b', 'c'].map((i) => ledger.recordIntent(entry(attempted, `pi_${i}`), 1)),
    );
    expect(new Set(intents).size).toBe(1);
    expect(await ledger.sealAttempt(entry(attempted, ''), 2)).toBe(intents[0]);

    expect(await ledger.sealAttempt(entry(sealed, ''), 1)).toBeNull();
    expect(await ledger.recordIntent(entry(sealed, 'pi_late'), 2)).toBeNull();
    expect(await ledger.findByOrder(sealed)).toHaveLength(1);
    expect(
      await queryRows(shop.db, `SELECT entry_key FROM payment_ledger WHERE order_id = '${attempted}'`),
    ).toHaveLength(1);
  });

  const appendEvent = (event: ReturnType<typeof events.orderCreated>) =>
    shop.db.write(async (tx) => {
      const { log } = shop.store;
      await log.append(await log.lockHead(event.stream, tx), [event], tx);
    });
});
