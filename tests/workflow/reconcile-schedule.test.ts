import { ulid } from 'ulid';
import { DEFAULT_RECONCILE_POLICY } from '../../domain/shared/policy';
import { ensureReconcileSchedule, reconcileScheduleId } from '../../integrations/temporal/schedules';
import { RECONCILE_WORKFLOW, type ReconcileResult } from '../../workflows/reconciliation/messages';
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

describe('the reconciliation Schedule', () => {
  const prefix = `test-${ulid()}-`;
  const handle = () => testEnv.client.schedule.getHandle(reconcileScheduleId(prefix));
  const ensureSchedule = (intervalMs: number) =>
    ensureReconcileSchedule(testEnv.client, {
      prefix,
      intervalMs,
      taskQueue: testEnv.queues.orders,
    });
  afterAll(() => handle().delete());

  test('is created once by processes that start concurrently, and then left unchanged', async () => {
    await Promise.all(Array.from({ length: 4 }, () => ensureSchedule(3_600_000)));
    const { spec, action, policies, info } = await handle().describe();
    expect(spec.intervals).toMatchObject([{ every: 3_600_000 }]);
    expect(policies.overlap).toBe('SKIP');
    expect(action).toMatchObject({
      workflowType: RECONCILE_WORKFLOW,
      taskQueue: testEnv.queues.orders,
      args: [{ policy: DEFAULT_RECONCILE_POLICY }],
    });
    await ensureSchedule(3_600_000);
    expect((await handle().describe()).info.lastUpdatedAt).toEqual(info.lastUpdatedAt);
  });

  test('is updated when its configuration changes; a paused Schedule stays paused', async () => {
    await handle().pause('under investigation');
    await ensureSchedule(1_000);
    const { spec, state } = await handle().describe();
    expect(spec.intervals).toMatchObject([{ every: 1_000 }]);
    expect(state).toMatchObject({ paused: true, note: 'under investigation' });
  });

  test('restarts an order whose workflow was terminated', async () => {
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

test('each run continues after the last order of the previous run, and wraps around at the end', async () => {
  const ownEnv = await WorkflowTestEnv.create();
  const scheduleId = `sweep-${ulid()}`;
  try {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push(await createConfirmedOrder(ownEnv));
    const action = createReconcileAction(ownEnv, { graceMs: 0, pageSize: 2 });
    const handle = await ownEnv.client.schedule.create({ scheduleId, spec: {}, action });
    const runs: ReconcileResult[] = [];
    for (let run = 0; run < 4; run += 1) {
      // SKIP as in the Schedule: Temporal passes the last result only to a run that cannot overlap others.
      await handle.trigger('SKIP');
      const started = await eventually('the run to be started', async () => {
        return (await handle.describe()).info.recentActions[run]?.action.workflow;
      });
      const { workflowId, firstExecutionRunId } = started;
      runs.push(await ownEnv.client.workflow.getHandle(workflowId, firstExecutionRunId).result());
    }
    expect(runs.map(({ progress }) => progress.open.confirmed)).toEqual([ids[1], ids[3], '', ids[1]]);
    const listedTo = runs.map(({ progress }) => progress.listedToMs);
    expect(listedTo).toEqual(listedTo.toSorted((a, b) => a - b));
    await handle.delete();
  } finally {
    await ownEnv.close();
  }
});
