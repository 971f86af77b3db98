import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { createOrderActivities } from '../../activities/orders';
import { toOrderStartOptions } from '../../integrations/temporal/order-start-options';
import { cancelOrder, ORDER_WORKFLOW } from '../../workflows/orders/messages';
import { eventually } from '../harness/eventually';
import { expectFullyCompensated } from '../harness/workflow/order-assertions';
import {
  claimPlacement,
  createConfirmedOrder,
  listFindings,
  reconcile,
  reconcileUntilHandled,
  reconcileUntilResolved,
  SHORT_RECONCILE_POLICY,
  startOrder,
  waitForStatus,
} from '../harness/workflow/reconciliation';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

jest.setTimeout(300_000);

let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create();
});
afterAll(() => testEnv.close());

const bundleStuckWorkflows = () =>
  bundleWorkflowCode({
    workflowsPath: require.resolve('../harness/workflow/stuck-workflows'),
    logger: new DefaultLogger('ERROR', () => undefined),
  });

test('an order whose workflow task fails repeatedly is flagged, and resolved when the code is fixed', async () => {
  const id = await createConfirmedOrder(testEnv);
  const unstored = await testEnv.createOrderInput();
  await testEnv.stopWorkers();
  await testEnv.startWorkers(await bundleStuckWorkflows());
  await testEnv.getHandle(id).signal(cancelOrder);
  await startOrder(testEnv, unstored);

  for (const stuck of [id, unstored.order.id]) {
    expect(await reconcileUntilHandled(testEnv, stuck, { taskStuckAfterAttempts: 2 })).toMatchObject({
      problem: 'workflow_stuck',
      action: 'flagged',
      restarts: 0,
      resolvedMs: null,
    });
  }
  expect((await testEnv.getHandle(id).describe()).status.name).toBe('RUNNING');

  await testEnv.stopWorkers();
  await testEnv.startWorkers();
  await expectFullyCompensated(testEnv, id);
  await waitForStatus(testEnv, unstored.order.id, 'confirmed');
  await reconcileUntilResolved(testEnv, id);
  await reconcileUntilResolved(testEnv, unstored.order.id);
});

test('an order whose task queue has no worker is flagged', async () => {
  const input = await testEnv.createOrderInput();
  await claimPlacement(testEnv, input);
  await createOrderActivities(testEnv.store).createOrder({ order: input.order, reserve: true });
  await testEnv.client.workflow.start(ORDER_WORKFLOW, {
    ...toOrderStartOptions(input),
    taskQueue: `no-worker-${testEnv.queues.orders}`,
  });
  const { id } = input.order;
  expect(await reconcileUntilHandled(testEnv, id)).toMatchObject({
    problem: 'workflow_stuck',
    detail: expect.stringContaining('check that a worker is running'),
    action: 'flagged',
  });
  await testEnv.getHandle(id).terminate();
});

test('an order without progress for longer than its policy allows is flagged until it progresses', async () => {
  const input = await testEnv.createInputWithPolicy({
    paymentDeadlineMs: 300,
    attentionAfterMs: 300,
    paymentAttemptTimeoutMs: 300,
  });
  const { id } = input.order;
  const { sequelize } = testEnv.store.db;
  await sequelize.query(
    `CREATE TRIGGER broken BEFORE UPDATE ON orders WHEN NEW.id = '${id}' BEGIN SELECT RAISE(ABORT, 'broken'); END`,
  );
  await startOrder(testEnv, input);

  expect(await reconcileUntilHandled(testEnv, id)).toMatchObject({
    problem: 'order_overdue',
    detail: expect.stringContaining('placed for'),
    action: 'flagged',
  });
  const [finding] = await listFindings(testEnv, id);
  await eventually('the finding to be detected again', async () => {
    const { flagged } = await reconcile(testEnv);
    return (
      flagged > 0 && ((await listFindings(testEnv, id))[0]?.lastSeenMs ?? 0) > (finding?.lastSeenMs ?? 0)
    );
  });
  expect(await listFindings(testEnv, id)).toMatchObject([
    { firstSeenMs: finding?.firstSeenMs, resolvedMs: null },
  ]);

  await sequelize.query('DROP TRIGGER broken');
  await waitForStatus(testEnv, id, 'confirmed');
  await reconcileUntilResolved(testEnv, id);
});

test('an order that is open in SQL and whose workflow is completed is flagged, not restarted', async () => {
  const id = await createConfirmedOrder(testEnv);
  const before = await testEnv.store.orders.find(id);
  await testEnv.getHandle(id).signal(cancelOrder);
  const after = await expectFullyCompensated(testEnv, id);
  // As after a restore of an older database backup.
  const setStatus = (status: string | undefined) =>
    testEnv.store.db.sequelize.query('UPDATE orders SET status = $1 WHERE id = $2', { bind: [status, id] });
  await setStatus(before?.status);

  expect(await reconcileUntilHandled(testEnv, id)).toMatchObject({
    problem: 'order_behind',
    action: 'flagged',
  });
  const { runId } = await testEnv.getHandle(id).describe();
  await reconcile(testEnv);
  expect((await testEnv.getHandle(id).describe()).runId).toBe(runId);

  await setStatus(after.status);
  await reconcileUntilResolved(testEnv, id);
});

test('orders without problems are checked and left unchanged', async () => {
  const id = await createConfirmedOrder(testEnv);
  const { graceMs } = SHORT_RECONCILE_POLICY;
  await eventually('the order to be older than the grace period', async () => {
    const order = await testEnv.store.orders.find(id);
    return Date.now() - (order?.placedAtMs ?? 0) > graceMs;
  });
  const { checked, orders } = await reconcile(testEnv);
  expect(checked).toBeGreaterThan(0);
  expect(orders).not.toContain(id);
  expect(await listFindings(testEnv, id)).toEqual([]);
});
