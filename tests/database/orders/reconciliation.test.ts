import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { createOrderActivities } from '../../../activities/orders';
import { createReconciliationActivities } from '../../../activities/reconciliation';
import type { Detection } from '../../../db/orders/reconciliation';
import type { Order } from '../../../domain/orders/order';
import { confirmOrder } from '../../../domain/orders/order-changes';
import { DEFAULT_ORDER_POLICY, DEFAULT_RECONCILE_POLICY } from '../../../domain/shared/policy';
import type { OrderWorkflows } from '../../../integrations/temporal/order-workflows';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { buildPayment, newOrder } from './sample-orders';

describe.each(DIALECTS)('reconciliation on %s', (dialect) => {
  let shop: TestStore;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
  });
  afterAll(() => shop.close());

  const claim = (order: Order) =>
    shop.store.db.write((tx) =>
      shop.store.placements.claim(
        {
          orderId: order.id,
          caller: 'test',
          idempotencyKey: null,
          bodyHash: 'x',
          input: JSON.stringify({ order, policy: DEFAULT_ORDER_POLICY }),
          createdAtMs: order.placedAtMs,
        },
        tx,
      ),
    );

  async function placed(quantity = 1): Promise<Order> {
    const order = newOrder([['walnut-desk', quantity]]);
    await claim(order);
    await createOrderActivities(shop.store).createOrder({ order, reserve: true });
    return order;
  }

  const sighting = (order: Order, nowMs: number, more: Partial<Detection> = {}): Detection => ({
    orderId: order.id,
    code: 'workflow_ended',
    detail: 'it was terminated',
    runId: 'run-1',
    nowMs,
    nextCheckMs: nowMs + 100,
    ...more,
  });
  const openOf = async (order: Order) =>
    (await shop.store.reconciliation.findOpenFindings([order.id])).get(order.id);

  test('open orders are found by state and age, page by page', async () => {
    const { reconciliation } = shop.store;
    const orders: Order[] = [];
    for (let n = 0; n < 4; n += 1) orders.push(await placed());
    const ids = orders.map(({ id }) => id).toSorted();
    const confirmed = orders.find(({ id }) => id === ids[1]) as Order;
    await createOrderActivities(shop.store).confirmOrder({
      order: confirmOrder(confirmed, 'paid', Date.now()),
      paid: buildPayment(confirmed),
    });
    const find = (afterId: string, rows: number, beforeMs = Date.now() + 1_000) =>
      reconciliation.findOpenOrders({ status: 'placed', afterId, beforeMs, rows });

    expect(await find('', 2)).toEqual([ids[0], ids[2]]);
    expect(await find(ids[2] as string, 2)).toEqual([ids[3]]);
    expect(await find('', 10, confirmed.placedAtMs - 60_000)).toEqual([]);
    const states = await reconciliation.findOrderStates([...ids, 'ord_none']);
    expect(ids.map((id) => states.get(id)?.status)).toEqual(['placed', 'confirmed', 'placed', 'placed']);
    expect(states.get(ids[0] as string)?.attention).toBe(false);
  });

  test('of what Temporal lists, only what was placed here and is not finished counts', async () => {
    const stored = await placed();
    const notStored = newOrder();
    await claim(notStored);
    const outOfStock = await placed(1_000_000);
    const found = await shop.store.reconciliation.findUnfinishedOrders([
      stored.id,
      notStored.id,
      outOfStock.id,
      newOrder().id,
    ]);
    expect(new Map(found.map(({ id, stored }) => [id, stored]))).toEqual(
      new Map([
        [stored.id, true],
        [notStored.id, false],
      ]),
    );
    expect(await shop.store.reconciliation.findUnfinishedOrders([])).toEqual([]);
  });

  test('of several that want to restart an order one does, the first time and later', async () => {
    const { reconciliation } = shop.store;
    const order = await placed();
    const claims = (nowMs: number, before: Awaited<ReturnType<typeof openOf>>) =>
      Promise.all(
        Array.from({ length: 5 }, () => reconciliation.claimRestart(sighting(order, nowMs), before)),
      );
    expect((await claims(1_000, undefined)).filter(Boolean)).toHaveLength(1);
    const first = await openOf(order);
    expect(first).toMatchObject({
      problem: 'workflow_ended',
      action: 'restarted',
      runId: 'run-1',
      restarts: 1,
      firstSeenMs: 1_000,
      nextCheckMs: 1_100,
      resolvedMs: null,
    });
    expect((await claims(2_000, first)).filter(Boolean)).toHaveLength(1);
    expect(await openOf(order)).toMatchObject({ restarts: 2, firstSeenMs: 1_000, lastSeenMs: 2_000 });
  });

  test('restarts are counted over all times that something was wrong, for as long as it is asked for', async () => {
    const { reconciliation } = shop.store;
    const order = await placed();
    for (const nowMs of [1_000, 5_000]) {
      expect(await reconciliation.claimRestart(sighting(order, nowMs), undefined)).toBe(true);
      const finding = await openOf(order);
      if (finding === undefined) throw new Error('nothing was written down');
      expect(await reconciliation.resolve(finding, nowMs + 1)).toBe(true);
      expect(await reconciliation.resolve(finding, nowMs + 2)).toBe(false);
    }
    expect(await openOf(order)).toBeUndefined();
    expect(await reconciliation.countRestartsSince(order.id, 1_000)).toBe(2);
    expect(await reconciliation.countRestartsSince(order.id, 1_001)).toBe(1);
    expect(await reconciliation.countRestartsSince(order.id, 5_001)).toBe(0);
  });

  test('what people have to see to is written down once, with the latest, and due for another look', async () => {
    const { reconciliation } = shop.store;
    const order = await placed();
    const stuck = { code: 'workflow_stuck', detail: 'it waits' } as const;
    await Promise.all([1, 2, 3].map(() => reconciliation.flagForAttention(sighting(order, 1_000, stuck))));
    await reconciliation.flagForAttention(sighting(order, 2_000, { ...stuck, detail: 'it still waits' }));
    expect(await openOf(order)).toMatchObject({
      problem: 'workflow_stuck',
      detail: 'it still waits',
      action: 'flagged',
      restarts: 0,
      firstSeenMs: 1_000,
      lastSeenMs: 2_000,
    });
    const due = (nowMs: number, afterId = '') => reconciliation.findDueOrders({ afterId, nowMs, rows: 100 });
    expect(await due(2_099)).not.toContain(order.id);
    expect(await due(2_100)).toContain(order.id);
    expect(await due(2_100, order.id)).not.toContain(order.id);
  });

  test('an order whose workflow cannot be described does not keep the others from being started again', async () => {
    const orders: Order[] = [];
    for (let n = 0; n < 3; n += 1) orders.push(await placed());
    const ids = orders.map(({ id }) => id);
    const [damaged, ...others] = ids;
    const restarted: string[] = [];
    const workflows: OrderWorkflows = {
      find: async (id) => {
        if (id === damaged) throw new Error('damaged');
        return null;
      },
      listFailed: async () => ({ ids, nextCursor: null }),
      listNotCreated: async () => ({ ids: [], nextCursor: null }),
      restart: async ({ order }) => {
        restarted.push(order.id);
        return true;
      },
    };
    const later = Date.now() + 3_600_000;
    const { checkOrders } = createReconciliationActivities(shop.store, workflows, () => later);
    const request = { policy: DEFAULT_RECONCILE_POLICY, fromMs: 0, toMs: later, cursors: { failed: '' } };

    await expect(runAsAttempt(1, () => checkOrders(request))).rejects.toThrow('damaged');
    await runAsAttempt(8, () => checkOrders(request));
    expect(restarted.toSorted()).toEqual(others.toSorted());
  });
});

/** Runs `work` as an activity of that attempt. */
function runAsAttempt<T>(attempt: number, work: () => Promise<T>): Promise<T> {
  const log = { info: () => undefined, warn: () => undefined };
  const context = { info: { attempt }, log, heartbeat: () => undefined };
  return asyncLocalStorage.run(context as unknown as Context, work);
}
