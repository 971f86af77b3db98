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

  const claimPlacement = (order: Order) =>
    shop.store.db.write((tx) =>
      shop.store.placements.add(
        {
          orderId: order.id,
          input: JSON.stringify({ order, policy: DEFAULT_ORDER_POLICY }),
          createdAtMs: order.placedAtMs,
        },
        tx,
      ),
    );

  async function createOrder(quantity = 1): Promise<Order> {
    const order = newOrder([['walnut-desk', quantity]]);
    await claimPlacement(order);
    await createOrderActivities(shop.store).createOrder({ order, reserve: true });
    return order;
  }

  const buildDetection = (order: Order, nowMs: number, changes: Partial<Detection> = {}): Detection => ({
    orderId: order.id,
    code: 'workflow_ended',
    detail: 'it was terminated',
    runId: 'run-1',
    nowMs,
    nextCheckMs: nowMs + 100,
    ...changes,
  });
  const findOpenFinding = async (order: Order) =>
    (await shop.store.reconciliation.findOpenFindings([order.id])).get(order.id);

  test('finds open orders by status and age, page by page', async () => {
    const { reconciliation } = shop.store;
    const orders: Order[] = [];
    for (let n = 0; n < 4; n += 1) orders.push(await createOrder());
    const ids = orders.map(({ id }) => id).toSorted();
    const confirmed = orders.find(({ id }) => id === ids[1]) as Order;
    await createOrderActivities(shop.store).confirmOrder({
      order: confirmOrder(confirmed, Date.now()),
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

  test('of the workflows in Temporal, returns only unfinished orders that were placed here', async () => {
    const stored = await createOrder();
    const notStored = newOrder();
    await claimPlacement(notStored);
    const outOfStock = await createOrder(1_000_000);
    const unfinished = await shop.store.reconciliation.findUnfinishedOrders([
      stored.id,
      notStored.id,
      outOfStock.id,
      newOrder().id,
    ]);
    expect(new Map(unfinished.map(({ id, stored }) => [id, stored]))).toEqual(
      new Map([
        [stored.id, true],
        [notStored.id, false],
      ]),
    );
    expect(await shop.store.reconciliation.findUnfinishedOrders([])).toEqual([]);
  });

  test('of concurrent claims to restart an order one succeeds, the first time and later', async () => {
    const { reconciliation } = shop.store;
    const order = await createOrder();
    const claims = (nowMs: number, before: Awaited<ReturnType<typeof findOpenFinding>>) =>
      Promise.all(
        Array.from({ length: 5 }, () => reconciliation.claimRestart(buildDetection(order, nowMs), before)),
      );
    expect((await claims(1_000, undefined)).filter(Boolean)).toHaveLength(1);
    const first = await findOpenFinding(order);
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
    expect(await findOpenFinding(order)).toMatchObject({
      restarts: 2,
      firstSeenMs: 1_000,
      lastSeenMs: 2_000,
    });
  });

  test('counts restarts over all findings of an order since a given time', async () => {
    const { reconciliation } = shop.store;
    const order = await createOrder();
    for (const nowMs of [1_000, 5_000]) {
      expect(await reconciliation.claimRestart(buildDetection(order, nowMs), undefined)).toBe(true);
      const finding = await findOpenFinding(order);
      if (finding === undefined) throw new Error('no open finding');
      expect(await reconciliation.resolve(finding, nowMs + 1)).toBe(true);
      expect(await reconciliation.resolve(finding, nowMs + 2)).toBe(false);
    }
    expect(await findOpenFinding(order)).toBeUndefined();
    expect(await reconciliation.countRestartsSince(order.id, 1_000)).toBe(2);
    expect(await reconciliation.countRestartsSince(order.id, 1_001)).toBe(1);
    expect(await reconciliation.countRestartsSince(order.id, 5_001)).toBe(0);
  });

  test('an order that requires attention has one open finding with the latest detail, due for another check', async () => {
    const { reconciliation } = shop.store;
    const order = await createOrder();
    const stuck = { code: 'workflow_stuck', detail: 'it waits' } as const;
    await Promise.all(
      [1, 2, 3].map(() => reconciliation.flagForAttention(buildDetection(order, 1_000, stuck))),
    );
    await reconciliation.flagForAttention(
      buildDetection(order, 2_000, { ...stuck, detail: 'it still waits' }),
    );
    expect(await findOpenFinding(order)).toMatchObject({
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

  test('an order whose workflow cannot be described does not prevent restarts of the others', async () => {
    const orders: Order[] = [];
    for (let n = 0; n < 3; n += 1) orders.push(await createOrder());
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
      terminate: async () => undefined,
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

/** Runs `work` in the context of an activity attempt. */
function runAsAttempt<T>(attempt: number, work: () => Promise<T>): Promise<T> {
  const log = { info: () => undefined, warn: () => undefined };
  const context = { info: { attempt }, log, heartbeat: () => undefined };
  return asyncLocalStorage.run(context as unknown as Context, work);
}
