import { ulid } from 'ulid';
import { DEFAULT_RECONCILE_POLICY } from '../../domain/shared/policy';
import { ensureReconcileSchedule, reconcileScheduleId } from '../../integrations/temporal/schedules';
import { RECONCILE_WORKFLOW, type ReconcileResult } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import {
  createConfirmedOrder,
  createReconcileAction,
  listFindings,
  terminateWorkflow,
} from '../harness/workflow/reconciliation';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create();
});
afterAll(() => testEnv.close());

describe('the Schedule of reconciliation', () => {
  const prefix = `test-${ulid()}-`;
  const handle = () => testEnv.client.schedule.getHandle(reconcileScheduleId(prefix));
  const ensure = (everyMs: number) =>
    ensureReconcileSchedule(testEnv.client, {
      prefix,
      intervalMs: everyMs,
      taskQueue: testEnv.queues.orders,
    });
  afterAll(() => handle().delete());

  test('is made once by several processes that start together, and then left as it is', async () => {
    await Promise.all(Array.from({ length: 4 }, () => ensure(3_600_000)));
    const { spec, action, policies, info } = await handle().describe();
    expect(spec.intervals).toMatchObject([{ every: 3_600_000 }]);
    expect(policies.overlap).toBe('SKIP');
    expect(action).toMatchObject({
      workflowType: RECONCILE_WORKFLOW,
      taskQueue: testEnv.queues.orders,
      args: [{ policy: DEFAULT_RECONCILE_POLICY }],
    });
    await ensure(3_600_000);
    expect((await handle().describe()).info.lastUpdatedAt).toEqual(info.lastUpdatedAt);
  });

  test('is changed where something else is wanted; one that people have paused stays paused', async () => {
    await handle().pause('we are looking into it');
    await ensure(1_000);
    const { spec, state } = await handle().describe();
    expect(spec.intervals).toMatchObject([{ every: 1_000 }]);
    expect(state).toMatchObject({ paused: true, note: 'we are looking into it' });
  });

  test('restarts an order that was terminated, by itself', async () => {
    const id = await createConfirmedOrder(testEnv);
    await handle().unpause();
    await terminateWorkflow(id);
    await eventually(
      'the order to be restarted',
      async () => (await testEnv.getHandle(id).describe()).status.name === 'RUNNING',
      120_000,
    );
    expect(await listFindings(testEnv, id)).toMatchObject([{ action: 'restarted', restarts: 1 }]);
  });
});

test('each run goes on where the one before stopped, and begins anew after the last order', async () => {
  const shop = await WorkflowTestEnv.create();
  const scheduleId = `sweep-${ulid()}`;
  try {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push(await createConfirmedOrder(shop));
    const action = createReconcileAction(shop, { graceMs: 0, pageSize: 2 });
    const handle = await shop.client.schedule.create({ scheduleId, spec: {}, action });
    const runs: ReconcileResult[] = [];
    for (let run = 0; run < 4; run += 1) {
      // As the Schedule itself does: a run that may overlap others is not told what the one before did.
      await handle.trigger('SKIP');
      const started = await eventually('the run to be started', async () => {
        return (await handle.describe()).info.recentActions[run]?.action.workflow;
      });
      const { workflowId, firstExecutionRunId } = started;
      runs.push(await shop.client.workflow.getHandle(workflowId, firstExecutionRunId).result());
    }
    expect(runs.map(({ progress }) => progress.open.confirmed)).toEqual([ids[1], ids[3], '', ids[1]]);
    const listed = runs.map(({ progress }) => progress.listedToMs);
    expect(listed).toEqual(listed.toSorted((a, b) => a - b));
    await handle.delete();
  } finally {
    await shop.close();
  }
});
