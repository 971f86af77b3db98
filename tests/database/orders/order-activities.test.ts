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

describe.each(DIALECTS)('the steps of an order on %s', (dialect) => {
  let shop: TestStore;
  let steps: OrderActivities;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    steps = createOrderActivities(shop.store);
  });
  afterAll(() => shop.close());

  const keysOf = async (order: Order): Promise<string[]> =>
    (await shop.store.log.findByOrder(order.id)).map((row) => row.eventKey.slice(order.id.length + 1));

  const named = ORDER_ACTIVITY_CASES.map((step) => ({
    ...step,
    title: `${step.name} ${step.variant ?? ''}`.trim(),
  }));

  test.each(named)('$title: run again later, it answers the same and changes nothing', async (step) => {
    const order = await step.setup(steps);
    const known = await keysOf(order);
    const first = await step.run(steps, order, 0);
    const after = await snapshotTables(shop.db);
    expect((await keysOf(order)).slice(known.length)).toEqual(step.expectedEvents);

    const again = await step.run(steps, order, 5_000);
    expect(await snapshotTables(shop.db)).toEqual(after);
    expect(again.head).toEqual(first.head);
    for (const { outcome } of [first, again]) {
      if (outcome !== undefined) expect(outcome).toBe(step.expectedOutcome ?? 'recorded');
    }
  });

  test.each(named)('$title: run five times at once, it happens once', async (step) => {
    const order = await step.setup(steps);
    const known = await keysOf(order);
    const answers = await Promise.all([0, 1, 2, 3, 4].map((ms) => step.run(steps, order, ms)));
    expect((await keysOf(order)).slice(known.length)).toEqual(step.expectedEvents);
    const after = await snapshotTables(shop.db);
    const again = await step.run(steps, order, 0);
    expect(await snapshotTables(shop.db)).toEqual(after);
    for (const { head, outcome } of answers) {
      expect(head).toEqual(again.head);
      if (outcome !== undefined) expect(outcome).toBe(step.expectedOutcome ?? 'recorded');
    }
  });

  test('a step that starts from another version than the stored one is stale and hands back what is stored', async () => {
    const order = await createCancellingOrder(steps);
    const before = await snapshotTables(shop.db);
    const behind = changes.confirmOrder(
      { ...order, status: 'placed', version: 1 },
      'paid',
      nextTimestamp(order),
    );
    const answer = await steps.rejectOrder({ order: behind, attempt: buildDeclinedAttempt(order) });
    expect(answer.outcome).toBe('stale');
    expect(answer.order).toEqual(order);
    const ahead = changes.finishCancellation({ ...order, version: 9 }, nextTimestamp(order));
    expect(await steps.finishCancellation({ order: ahead })).toMatchObject({ outcome: 'stale', order });
    expect(await snapshotTables(shop.db)).toEqual(before);
  });

  test.each<[what: string, before: Partial<Order>, by: Cancellation | null]>([
    [
      'for another who asked too',
      { status: 'confirmed', payment: 'paid', version: 2 },
      changes.createTemporalCancellation(9),
    ],
    ['from before the payment was recorded', { status: 'placed', payment: 'pending', version: 1 }, null],
    [
      'from an order that needs attention',
      { status: 'placed', attention: { step: 'x', detail: 'x', sinceMs: 1 } },
      null,
    ],
  ])('a cancellation that has begun stands when its step runs again %s', async (_, before, by) => {
    const order = await createCancellingOrder(steps);
    const stored = await snapshotTables(shop.db);
    const cancellation = by ?? (order.cancellation as Cancellation);
    const behind = { ...order, cancellation: null, ...before };
    const again = await steps.startCancellation({
      order: changes.startCancellation(behind, cancellation, 'refund_pending', nextTimestamp(order)),
      cancellation,
      attempt: { outcome: 'captured', paid: buildPayment(order) },
    });
    expect(again).toMatchObject({ outcome: 'recorded', order });
    expect(await snapshotTables(shop.db)).toEqual(stored);
  });

  test('a run that was reset asks for attention in its own words, behind those of the run before', async () => {
    const order = await createCancellingOrder(steps);
    const ask = (of: Order, detail: string, sinceMs: number) => {
      const attention = { step: 'reverse the payment', detail, sinceMs };
      return steps.recordAttention({
        order: changes.setAttention(of, attention, sinceMs),
        attention,
        step: attention.step,
      });
    };
    const at = order.updatedAtMs;
    await ask(order, 'no answer in time', at + 1);
    const second = await ask(order, 'payment provider: unreachable', at + 2);
    expect(second).toMatchObject({ outcome: 'stale', order: { attention: { detail: 'no answer in time' } } });
    const third = await ask(second.order as Order, 'payment provider: unreachable', at + 2);
    expect(third.outcome).toBe('recorded');
  });

  test('an order whose stock was given back is not confirmed, one that is confirmed keeps it', async () => {
    const [gone, kept] = [await createOpenOrder(steps), await createOpenOrder(steps)];
    const confirm = (order: Order) =>
      steps.confirmOrder({
        order: changes.confirmOrder(order, 'paid', nextTimestamp(order)),
        paid: buildPayment(order),
      });
    const isHeldBy = ({ id }: Order) => shop.store.stock.hasReservations(id);

    await steps.releaseStock({ orderId: gone.id, atMs: nextTimestamp(gone) });
    const before = await snapshotTables(shop.db);
    expect(await confirm(gone)).toMatchObject({
      outcome: 'reservation_released',
      order: { status: 'placed' },
    });
    expect(await snapshotTables(shop.db)).toEqual(before);

    expect(await confirm(kept)).toMatchObject({ outcome: 'recorded' });
    await steps.releaseStock({ orderId: kept.id, atMs: nextTimestamp(kept) });
    expect([await isHeldBy(gone), await isHeldBy(kept)]).toEqual([false, true]);
  });

  test('a run that was started again counts its refusals behind those of the run before', async () => {
    const order = await createCancellingOrder(steps);
    const known = await keysOf(order);
    const refuse = (why: string) =>
      steps.recordCancellationRejection({
        order,
        refused: changes.createTemporalCancellation(order.updatedAtMs),
        n: 1,
        why,
      });
    await refuse('It is being cancelled.');
    const second = await refuse('It is cancelled.');
    expect((await keysOf(order)).slice(known.length)).toEqual([
      'cancellation-rejected:temporal:1',
      'cancellation-rejected:temporal:2',
    ]);
    expect(await refuse('It is cancelled.')).toEqual(second);
  });

  test('an order that could not be written down holds no stock', async () => {
    const order = newOrder([['walnut-desk', 5]]);
    await plant({
      ...events.orderCreated(order, { kind: 'guest' }),
      key: eventKey(order.id, 'reserved'),
      stream: `x_${order.id}`,
    });
    const before = await snapshotTables(shop.db);
    await expect(steps.createOrder({ order, reserve: true })).rejects.toThrow('is not in the database');
    expect(await snapshotTables(shop.db)).toEqual(before);
  });

  test('a step whose event contradicts the log leaves order, ledger and log as they were', async () => {
    const order = await createOpenOrder(steps);
    const after = changes.confirmOrder(order, 'paid', nextTimestamp(order));
    await plant({ ...events.orderConfirmed(after), data: { forged: true } });
    const before = await snapshotTables(shop.db);
    await expect(steps.confirmOrder({ order: after, paid: buildPayment(order) })).rejects.toThrow(
      EventKeyConflictError,
    );
    expect(await snapshotTables(shop.db)).toEqual(before);
  });

  test('a release whose event contradicts the log gives nothing back', async () => {
    const order = await createOpenOrder(steps);
    await plant(events.stockReleased(order.id, [], 1));
    const before = await snapshotTables(shop.db);
    await expect(steps.releaseStock({ orderId: order.id, atMs: 2 })).rejects.toThrow(EventKeyConflictError);
    expect(await snapshotTables(shop.db)).toEqual(before);
  });

  test('a step whose money contradicts the ledger leaves order and log as they were', async () => {
    const order = await createOpenOrder(steps);
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
    const after = changes.confirmOrder(order, 'paid', nextTimestamp(order));
    await expect(steps.confirmOrder({ order: after, paid: buildPayment(order) })).rejects.toThrow(
      LedgerKeyConflictError,
    );
    expect(await snapshotTables(shop.db)).toEqual(before);
  });

  test('a try to pay has the intent that was recorded first, and none once it was given up', async () => {
    const { ledger } = shop.store;
    const entry = (orderId: string, intentId: string) => ({
      orderId,
      attempt: 1,
      amountMinor: 100,
      currency: 'EUR',
      provider: 'stripe',
      intentId,
    });
    const [tried, givenUp] = [newOrder().id, newOrder().id];
    const intents = await Promise.all(
      ['a', 'b', 'c'].map((i) => ledger.recordIntent(entry(tried, `pi_${i}`), 1)),
    );
    expect(new Set(intents).size).toBe(1);
    expect(await ledger.sealAttempt(entry(tried, ''), 2)).toBe(intents[0]);

    expect(await ledger.sealAttempt(entry(givenUp, ''), 1)).toBeNull();
    expect(await ledger.recordIntent(entry(givenUp, 'pi_late'), 2)).toBeNull();
    expect(await ledger.findByOrder(givenUp)).toHaveLength(1);
    expect(
      await queryRows(shop.db, `SELECT entry_key FROM payment_ledger WHERE order_id = '${tried}'`),
    ).toHaveLength(1);
  });

  const plant = (event: ReturnType<typeof events.orderCreated>) =>
    shop.db.write(async (tx) => {
      const { log } = shop.store;
      await log.append(await log.lockHead(event.stream, tx), [event], tx);
    });
});
