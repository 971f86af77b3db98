import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { createOrderActivities } from '../../activities/orders';
import { toOrderStartOptions } from '../../integrations/temporal/order-start-options';
import { cancelOrder, ORDER_WORKFLOW } from '../../workflows/messages';
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

test('an order whose workflow task fails again and again is flagged, and well again with good code', async () => {
  const id = await createConfirmedOrder(testEnv);
  const unopened = await testEnv.createOrderInput();
  await testEnv.stopWorkers();
  await testEnv.startWorkers(await bundleStuckWorkflows());
  await testEnv.getHandle(id).signal(cancelOrder);
  await startOrder(testEnv, unopened);

  for (const stuck of [id, unopened.order.id]) {
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
  await waitForStatus(testEnv, unopened.order.id, 'confirmed');
  await reconcileUntilResolved(testEnv, id);
  await reconcileUntilResolved(testEnv, unopened.order.id);
});

test('an order whose workflow nobody works for is flagged', async () => {
  const input = await testEnv.createOrderInput();
  await claimPlacement(testEnv, input);
  await createOrderActivities(testEnv.store).createOrder({ order: input.order, reserve: true });
  await testEnv.client.workflow.start(ORDER_WORKFLOW, {
    ...toOrderStartOptions(input),
    taskQueue: `nobody-${testEnv.queues.orders}`,
  });
  const { id } = input.order;
  expect(await reconcileUntilHandled(testEnv, id)).toMatchObject({
    problem: 'workflow_stuck',
    detail: expect.stringContaining('does a worker run?'),
    action: 'flagged',
  });
  await testEnv.getHandle(id).terminate();
});

test('an order that does not move for longer than its policy allows is flagged until it does', async () => {
  const input = {
    ...(await testEnv.createOrderInput()),
    policy: {
      ...testEnv.policy,
      paymentDeadlineMs: 300,
      attentionAfterMs: 300,
      paymentAttemptTimeoutMs: 300,
    },
  };
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
  await eventually('it to be seen again', async () => {
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

test('an order that SQL has open and whose workflow came to its end is a matter for people', async () => {
  const id = await createConfirmedOrder(testEnv);
  const before = await testEnv.store.orders.find(id);
  await testEnv.getHandle(id).signal(cancelOrder);
  const after = await expectFullyCompensated(testEnv, id);
  // As after a database was restored from yesterday.
  const rewind = (status: string | undefined) =>
    testEnv.store.db.sequelize.query('UPDATE orders SET status = $1 WHERE id = $2', { bind: [status, id] });
  await rewind(before?.status);

  expect(await reconcileUntilHandled(testEnv, id)).toMatchObject({
    problem: 'order_behind',
    action: 'flagged',
  });
  const { runId } = await testEnv.getHandle(id).describe();
  await reconcile(testEnv);
  expect((await testEnv.getHandle(id).describe()).runId).toBe(runId);

  await rewind(after.status);
  await reconcileUntilResolved(testEnv, id);
});

test('orders that are well are looked at and left alone', async () => {
  const id = await createConfirmedOrder(testEnv);
  const { graceMs } = SHORT_RECONCILE_POLICY;
  await eventually('it to be old enough', async () => {
    const order = await testEnv.store.orders.find(id);
    return Date.now() - (order?.placedAtMs ?? 0) > graceMs;
  });
  const { checked, orders } = await reconcile(testEnv);
  expect(checked).toBeGreaterThan(0);
  expect(orders).not.toContain(id);
  expect(await listFindings(testEnv, id)).toEqual([]);
});
