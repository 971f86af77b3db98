import { cancelOrder, getOrder, PLACEMENT_UPDATE_ID, placement } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { expectFullyCompensated, findInconsistencies } from '../harness/workflow/order-assertions';
import { PaymentCallInterceptor } from '../harness/workflow/payment-call-interceptor';
import {
  createConfirmedOrder,
  listFindings,
  reconcile,
  reconcileUntilHandled,
  reconcileUntilResolved,
  runWorkflowCommand,
  startOrder,
  terminateWorkflow,
  waitUntilConfirmed,
} from '../harness/workflow/reconciliation';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

const paymentCalls = new PaymentCallInterceptor();
let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create({ wrapProvider: paymentCalls.wrapProvider });
});
afterAll(() => testEnv.close());

const resetWorkflow = (id: string, ...to: string[]) =>
  runWorkflowCommand('reset', '--workflow-id', id, '--reason', 'by hand', ...to);

/** An order with a workflow task between its first and its last: somebody asked for its decision while it was paid. */
async function confirmWithUpdateDuringPayment(): Promise<string> {
  const input = await testEnv.createOrderInput();
  const { id } = input.order;
  const authorize = paymentCalls.pause(id, 'authorize');
  await startOrder(testEnv, input);
  await authorize.reached;
  await testEnv
    .getHandle(id)
    .startUpdate(placement, { updateId: PLACEMENT_UPDATE_ID, waitForStage: 'ACCEPTED' });
  authorize.resume();
  await waitUntilConfirmed(testEnv, id);
  return id;
}

/** After the stock was reserved, before the payment was taken. */
async function getMiddleTaskEventId(id: string): Promise<string> {
  const { events } = await testEnv.getHandle(id).fetchHistory();
  const tasks = (events ?? []).filter((e) => e.workflowTaskCompletedEventAttributes);
  expect(tasks).toHaveLength(3);
  return String(tasks[1]?.eventId);
}

const expectConfirmedUnchanged = async (id: string) => {
  const stored = await testEnv.store.orders.find(id);
  await eventually('the new run to know the order', async () => {
    const now = (await testEnv.getHandle(id).query(getOrder)) as { status: string; version: number };
    return now.version === stored?.version;
  });
  expect(stored?.status).toBe('confirmed');
  expect((await testEnv.listIntents(id)).map((i) => [i.status, i.amount_refunded])).toEqual([
    ['succeeded', 0],
  ]);
  expect(await findInconsistencies(testEnv, id)).toEqual([]);
};

test.each([
  ['the first workflow task', async () => ['--type', 'FirstWorkflowTask']],
  ['the last workflow task', async () => ['--type', 'LastWorkflowTask']],
  ['the middle', async (id: string) => ['--event-id', await getMiddleTaskEventId(id)]],
])('an order that was reset to %s goes on by itself and is left alone', async (_, to) => {
  const id = await confirmWithUpdateDuringPayment();
  await resetWorkflow(id, ...(await to(id)));
  await reconcile(testEnv);
  await expectConfirmedUnchanged(id);
  await reconcile(testEnv);
  expect(await listFindings(testEnv, id)).toEqual([]);

  await testEnv.getHandle(id).signal(cancelOrder);
  expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
    status: 'cancelled',
    payment: 'refunded',
  });
});

test('so is one that was terminated and reset by hand', async () => {
  const id = await createConfirmedOrder(testEnv);
  await terminateWorkflow(id);
  await resetWorkflow(id, '--type', 'LastWorkflowTask');
  await expectConfirmedUnchanged(id);
  await reconcile(testEnv);
  expect(await listFindings(testEnv, id)).toEqual([]);
});

test('one that was reset, and terminated while it took itself up again, is restarted', async () => {
  const id = await createConfirmedOrder(testEnv);
  await testEnv.stopWorkers();
  await resetWorkflow(id, '--type', 'FirstWorkflowTask');
  await terminateWorkflow(id);
  await testEnv.startWorkers();
  expect(await reconcileUntilHandled(testEnv, id)).toMatchObject({ action: 'restarted' });
  await reconcileUntilResolved(testEnv, id);
  await expectConfirmedUnchanged(id);
});

describe('an order whose workflow Temporal has lost', () => {
  const lose = async (id: string) => {
    await runWorkflowCommand('delete', '--workflow-id', id);
    await eventually('it to be gone', async () =>
      testEnv
        .getHandle(id)
        .describe()
        .then(() => false)
        .catch(() => true),
    );
  };

  test('is started again from what SQL knows', async () => {
    const id = await createConfirmedOrder(testEnv);
    await lose(id);
    expect(await reconcileUntilHandled(testEnv, id)).toMatchObject({
      problem: 'workflow_lost',
      action: 'restarted',
      runId: null,
    });
    await reconcileUntilResolved(testEnv, id);
    await expectConfirmedUnchanged(id);
    await testEnv.getHandle(id).signal(cancelOrder);
    expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
      status: 'cancelled',
      payment: 'refunded',
    });
  });

  test('is flagged where its placement is gone too', async () => {
    const id = await createConfirmedOrder(testEnv);
    await testEnv.store.db.sequelize.query('DELETE FROM placements WHERE order_id = $1', { bind: [id] });
    await lose(id);
    expect(await reconcileUntilHandled(testEnv, id)).toMatchObject({
      problem: 'workflow_lost',
      action: 'flagged',
      detail: expect.stringContaining('its placement is gone'),
    });
  });

  test('is flagged where its placement cannot be read, and the others are started again', async () => {
    const [id, other] = [await createConfirmedOrder(testEnv), await createConfirmedOrder(testEnv)];
    await testEnv.store.db.sequelize.query("UPDATE placements SET input = '{' WHERE order_id = $1", {
      bind: [id],
    });
    await lose(id);
    await lose(other);
    expect(await reconcileUntilHandled(testEnv, id)).toMatchObject({
      problem: 'workflow_lost',
      action: 'flagged',
    });
    expect(await reconcileUntilHandled(testEnv, other)).toMatchObject({
      problem: 'workflow_lost',
      action: 'restarted',
    });
    await expectConfirmedUnchanged(other);
  });

  test('with all others is found in one run, however many pages they fill', async () => {
    const shop = await WorkflowTestEnv.create();
    try {
      const ids = await Promise.all(Array.from({ length: 7 }, () => createConfirmedOrder(shop)));
      await Promise.all(ids.map(lose));
      const { restarted, orders } = await reconcile(shop, { graceMs: 0, pageSize: 2 });
      expect(restarted).toBe(ids.length);
      expect(orders.toSorted()).toEqual(ids.toSorted());
      for (const id of ids) {
        await reconcileUntilResolved(shop, id);
        expect(await findInconsistencies(shop, id)).toEqual([]);
      }
    } finally {
      await shop.close();
    }
  });
});
