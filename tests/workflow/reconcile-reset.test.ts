import { cancelOrder, getOrder, PLACEMENT_UPDATE_ID, placement } from '../../workflows/orders/messages';
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
afterEach(() => paymentCalls.resumeAll());
afterAll(() => testEnv.close());

const resetWorkflow = (id: string, ...point: string[]) =>
  runWorkflowCommand('reset', '--workflow-id', id, '--reason', 'test', ...point);

/** Confirms an order with three workflow tasks: an update during the payment adds the middle one. */
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

/** @returns the workflow task after the reservation and before the capture. */
async function getMiddleTaskEventId(id: string): Promise<string> {
  const { events } = await testEnv.getHandle(id).fetchHistory();
  const tasks = (events ?? []).filter((e) => e.workflowTaskCompletedEventAttributes);
  expect(tasks).toHaveLength(3);
  return String(tasks[1]?.eventId);
}

const expectConfirmedUnchanged = async (id: string) => {
  const stored = await testEnv.store.orders.find(id);
  await eventually('the new run to load the order', async () => {
    const order = (await testEnv.getHandle(id).query(getOrder)) as { status: string; version: number };
    return order.version === stored?.version;
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
  ['the middle workflow task', async (id: string) => ['--event-id', await getMiddleTaskEventId(id)]],
])('an order reset to %s resumes without reconciliation', async (_, getResetPoint) => {
  const id = await confirmWithUpdateDuringPayment();
  await resetWorkflow(id, ...(await getResetPoint(id)));
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

test('an order terminated and then reset manually resumes without reconciliation', async () => {
  const id = await createConfirmedOrder(testEnv);
  await terminateWorkflow(id);
  await resetWorkflow(id, '--type', 'LastWorkflowTask');
  await expectConfirmedUnchanged(id);
  await reconcile(testEnv);
  expect(await listFindings(testEnv, id)).toEqual([]);
});

test('an order that was reset, then terminated before it resumed, is restarted', async () => {
  const id = await createConfirmedOrder(testEnv);
  await testEnv.stopWorkers();
  await resetWorkflow(id, '--type', 'FirstWorkflowTask');
  await terminateWorkflow(id);
  await testEnv.startWorkers();
  expect(await reconcileUntilHandled(testEnv, id)).toMatchObject({ action: 'restarted' });
  await reconcileUntilResolved(testEnv, id);
  await expectConfirmedUnchanged(id);
});

describe('an order whose workflow was deleted in Temporal', () => {
  const deleteWorkflow = async (id: string) => {
    await runWorkflowCommand('delete', '--workflow-id', id);
    await eventually('the workflow to be deleted', async () =>
      testEnv
        .getHandle(id)
        .describe()
        .then(() => false)
        .catch(() => true),
    );
  };

  test('is restarted from its stored state', async () => {
    const id = await createConfirmedOrder(testEnv);
    await deleteWorkflow(id);
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

  test('is flagged when its placement is also missing', async () => {
    const id = await createConfirmedOrder(testEnv);
    await testEnv.store.db.sequelize.query('DELETE FROM placements WHERE order_id = $1', { bind: [id] });
    await deleteWorkflow(id);
    expect(await reconcileUntilHandled(testEnv, id)).toMatchObject({
      problem: 'workflow_lost',
      action: 'flagged',
      detail: expect.stringContaining('its placement is missing'),
    });
  });

  test('is flagged when its placement is unreadable, and other orders are restarted', async () => {
    const [id, other] = [await createConfirmedOrder(testEnv), await createConfirmedOrder(testEnv)];
    await testEnv.store.db.sequelize.query("UPDATE placements SET input = '{' WHERE order_id = $1", {
      bind: [id],
    });
    await deleteWorkflow(id);
    await deleteWorkflow(other);
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

  test('is found in one run, however many pages the orders fill', async () => {
    const ownEnv = await WorkflowTestEnv.create();
    try {
      const ids = await Promise.all(Array.from({ length: 7 }, () => createConfirmedOrder(ownEnv)));
      await Promise.all(ids.map(deleteWorkflow));
      const { restarted, orders } = await reconcile(ownEnv, { graceMs: 0, pageSize: 2 });
      expect(restarted).toBe(ids.length);
      expect(orders.toSorted()).toEqual(ids.toSorted());
      for (const id of ids) {
        await reconcileUntilResolved(ownEnv, id);
        expect(await findInconsistencies(ownEnv, id)).toEqual([]);
      }
    } finally {
      await ownEnv.close();
    }
  });
});
