import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { createOrderActivities } from '../../activities/orders';
import { orderStartOptions } from '../../integrations/temporal/order-start';
import { cancelOrder, ORDER_WORKFLOW } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { Lab } from '../harness/workflow/lab';
import {
  begin,
  claim,
  confirmedOrder,
  findingsOf,
  reconcile,
  SHORT_RECONCILE_POLICY,
  untilDealtWith,
  untilStatus,
  untilWell,
} from '../harness/workflow/reconciling';
import { endedWithNothingLeft } from '../harness/workflow/settled';

jest.setTimeout(300_000);

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterAll(() => lab.close());

const badCode = () =>
  bundleWorkflowCode({
    workflowsPath: require.resolve('../harness/workflow/stuck-workflows'),
    logger: new DefaultLogger('ERROR', () => undefined),
  });

test('an order whose workflow task fails again and again is flagged, and well again with good code', async () => {
  const id = await confirmedOrder(lab);
  const unopened = await lab.input();
  await lab.stopWorkers();
  await lab.startWorkers(await badCode());
  await lab.handle(id).signal(cancelOrder);
  await begin(lab, unopened);

  for (const stuck of [id, unopened.order.id]) {
    expect(await untilDealtWith(lab, stuck, { taskStuckAfterAttempts: 2 })).toMatchObject({
      problem: 'workflow_stuck',
      action: 'flagged',
      restarts: 0,
      resolvedMs: null,
    });
  }
  expect((await lab.handle(id).describe()).status.name).toBe('RUNNING');

  await lab.stopWorkers();
  await lab.startWorkers();
  await endedWithNothingLeft(lab, id);
  await untilStatus(lab, unopened.order.id, 'confirmed');
  await untilWell(lab, id);
  await untilWell(lab, unopened.order.id);
});

test('an order whose workflow nobody works for is flagged', async () => {
  const input = await lab.input();
  await claim(lab, input);
  await createOrderActivities(lab.store).openOrder({ order: input.order, reserve: true });
  await lab.client.workflow.start(ORDER_WORKFLOW, {
    ...orderStartOptions(input),
    taskQueue: `nobody-${lab.queues.orders}`,
  });
  const { id } = input.order;
  expect(await untilDealtWith(lab, id)).toMatchObject({
    problem: 'workflow_stuck',
    detail: expect.stringContaining('does a worker run?'),
    action: 'flagged',
  });
  await lab.handle(id).terminate();
});

test('an order that does not move for longer than its policy allows is flagged until it does', async () => {
  const input = {
    ...(await lab.input()),
    policy: { ...lab.policy, paymentDeadlineMs: 300, attentionAfterMs: 300, paymentAttemptTimeoutMs: 300 },
  };
  const { id } = input.order;
  const { sequelize } = lab.store.db;
  await sequelize.query(
    `CREATE TRIGGER broken BEFORE UPDATE ON orders WHEN NEW.id = '${id}' BEGIN SELECT RAISE(ABORT, 'broken'); END`,
  );
  await begin(lab, input);

  expect(await untilDealtWith(lab, id)).toMatchObject({
    problem: 'order_overdue',
    detail: expect.stringContaining('placed for'),
    action: 'flagged',
  });
  const [finding] = await findingsOf(lab, id);
  await eventually('it to be seen again', async () => {
    const { flagged } = await reconcile(lab);
    return flagged > 0 && ((await findingsOf(lab, id))[0]?.lastSeenMs ?? 0) > (finding?.lastSeenMs ?? 0);
  });
  expect(await findingsOf(lab, id)).toMatchObject([{ firstSeenMs: finding?.firstSeenMs, resolvedMs: null }]);

  await sequelize.query('DROP TRIGGER broken');
  await untilStatus(lab, id, 'confirmed');
  await untilWell(lab, id);
});

test('an order that SQL has open and whose workflow came to its end is a matter for people', async () => {
  const id = await confirmedOrder(lab);
  const before = await lab.store.orders.find(id);
  await lab.handle(id).signal(cancelOrder);
  const after = await endedWithNothingLeft(lab, id);
  // As after a database was restored from yesterday.
  const rewind = (status: string | undefined) =>
    lab.store.db.sequelize.query('UPDATE orders SET status = $1 WHERE id = $2', { bind: [status, id] });
  await rewind(before?.status);

  expect(await untilDealtWith(lab, id)).toMatchObject({ problem: 'order_behind', action: 'flagged' });
  const { runId } = await lab.handle(id).describe();
  await reconcile(lab);
  expect((await lab.handle(id).describe()).runId).toBe(runId);

  await rewind(after.status);
  await untilWell(lab, id);
});

test('orders that are well are looked at and left alone', async () => {
  const id = await confirmedOrder(lab);
  const { graceMs } = SHORT_RECONCILE_POLICY;
  await eventually('it to be old enough', async () => {
    const order = await lab.store.orders.find(id);
    return Date.now() - (order?.placedAtMs ?? 0) > graceMs;
  });
  const { checked, orders } = await reconcile(lab);
  expect(checked).toBeGreaterThan(0);
  expect(orders).not.toContain(id);
  expect(await findingsOf(lab, id)).toEqual([]);
});
