import { readWorkflowHistory } from '../../integrations/temporal/history';
import { createOrderWorkflows } from '../../integrations/temporal/order-workflows';
import { cancelOrder, getOrder } from '../../workflows/orders/messages';
import { eventually } from '../harness/eventually';
import {
  expectFullyCompensated,
  findInconsistencies,
  getReservedUnits,
} from '../harness/workflow/order-assertions';
import { PaymentCallInterceptor } from '../harness/workflow/payment-call-interceptor';
import {
  claimPlacement,
  createConfirmedOrder,
  listFindings,
  reconcile,
  reconcileUntilHandled,
  reconcileUntilResolved,
  runWorkflowCommand,
  startOrder,
  terminateWorkflow,
  waitForStatus,
} from '../harness/workflow/reconciliation';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

const paymentCalls = new PaymentCallInterceptor();
let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create({ wrapProvider: paymentCalls.wrapProvider });
});
afterEach(() => paymentCalls.resumeAll());
afterEach(() => testEnv.clearFaults());
afterAll(() => testEnv.close());

const CONFIRMED_EVENTS = ['OrderCreated', 'StockReserved', 'PaymentSucceeded', 'OrderConfirmed'];
const CANCELLED_EVENTS = [
  ...CONFIRMED_EVENTS,
  'OrderCancellationStarted',
  'StockReleased',
  'PaymentRefunded',
  'OrderCancelled',
];

async function expectPaidOnce(id: string): Promise<void> {
  expect((await testEnv.listIntents(id)).map((i) => [i.status, i.amount_refunded])).toEqual([
    ['succeeded', 0],
  ]);
  expect(await getReservedUnits(testEnv, id)).toBe(1);
  expect(await testEnv.listEventTypes(id)).toEqual(CONFIRMED_EVENTS);
}

describe('an order whose workflow was terminated', () => {
  test('while idle is restarted unchanged, and can still be cancelled', async () => {
    const id = await createConfirmedOrder(testEnv);
    const order = await testEnv.store.orders.find(id);
    const { runId } = await testEnv.getHandle(id).describe();
    await terminateWorkflow(id);

    expect(await reconcileUntilHandled(testEnv, id)).toMatchObject({
      problem: 'workflow_ended',
      detail: 'the order is confirmed and its workflow was terminated',
      action: 'restarted',
      restarts: 1,
      runId,
    });
    await reconcileUntilResolved(testEnv, id);

    const workflow = await testEnv.getHandle(id).describe();
    expect(workflow.status.name).toBe('RUNNING');
    expect(workflow.memo).toEqual({
      restartedBecause: 'the order is confirmed and its workflow was terminated',
      restartedAfterRun: runId,
    });
    expect(await testEnv.getHandle(id).query(getOrder)).toEqual(order);
    expect(workflow.searchAttributes).toMatchObject({ OrderStatus: ['confirmed'], PaymentStatus: ['paid'] });
    await expectPaidOnce(id);
    expect(await findInconsistencies(testEnv, id)).toEqual([]);

    await testEnv.getHandle(id).signal(cancelOrder);
    await expectFullyCompensated(testEnv, id);
    expect((await testEnv.listEventTypes(id)).toSorted()).toEqual(CANCELLED_EVENTS.toSorted());
  });

  test('has a history that covers both runs', async () => {
    const id = await createConfirmedOrder(testEnv);
    const before = await readWorkflowHistory(testEnv.client, id);
    await terminateWorkflow(id);
    await reconcileUntilHandled(testEnv, id);
    await eventually('the new run to load the order', async () => {
      return ((await testEnv.getHandle(id).query(getOrder)) as { status: string }).status === 'confirmed';
    });

    const after = await readWorkflowHistory(testEnv.client, id);
    expect(after.runId).not.toBe(before.runId);
    const entries = after.entries.map(({ type, what }) => `${type}: ${what}`);
    expect(entries).toContain('Terminated: The workflow was terminated');
    expect(entries).toContain(
      'Restarted: The workflow was restarted: the order is confirmed and its workflow was terminated',
    );
    for (const [seq, hash] of before.anchors) expect(after.anchors.get(seq)).toBe(hash);
  });

  test('during its payment is paid once and confirmed', async () => {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    const authorize = paymentCalls.pause(id, 'authorize');
    await startOrder(testEnv, input);
    await authorize.reached;
    await terminateWorkflow(id);

    await reconcileUntilHandled(testEnv, id);
    await waitForStatus(testEnv, id, 'confirmed');
    authorize.resume();

    await reconcileUntilResolved(testEnv, id);
    await expectPaidOnce(id);
    expect(await findInconsistencies(testEnv, id)).toEqual([]);
  });

  test('while its refund is retried is refunded once and cancelled', async () => {
    const id = await createConfirmedOrder(testEnv);
    await testEnv.injectFault({ operation: 'refund', mode: 'fail_before', match: { orderId: id } });
    await testEnv.getHandle(id).signal(cancelOrder, { reason: 'once' });
    await eventually('the refund to be retried', async () => (await testEnv.getActivityAttempt(id)) >= 2);
    await terminateWorkflow(id);
    await reconcileUntilHandled(testEnv, id);
    await testEnv.clearFaults();

    expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
      status: 'cancelled',
      payment: 'refunded',
      cancellation: { reason: 'once' },
    });
    await reconcileUntilResolved(testEnv, id);
  });

  test('before the order was stored is restarted and confirmed', async () => {
    const input = await testEnv.createOrderInput();
    const { id } = input.order;
    await testEnv.stopWorkers();
    await startOrder(testEnv, input);
    await terminateWorkflow(id);
    await testEnv.startWorkers();

    expect(await reconcileUntilHandled(testEnv, id)).toMatchObject({
      action: 'restarted',
      problem: 'workflow_ended',
    });
    await waitForStatus(testEnv, id, 'confirmed');
    await reconcileUntilResolved(testEnv, id);
    await expectPaidOnce(id);
    expect(await findInconsistencies(testEnv, id)).toEqual([]);
  });

  test('during its rejection, with its stock already released, is not paid', async () => {
    const input = await testEnv.createInputWithPolicy({ paymentDeadlineMs: 500 });
    const { id } = input.order;
    for (const operation of ['confirm', 'cancel']) {
      await testEnv.injectFault({ operation, mode: 'fail_before', match: { orderId: id } });
    }
    await startOrder(testEnv, input);
    await eventually('the stock to be released', async () =>
      (await testEnv.listEventTypes(id)).includes('StockReleased'),
    );
    await terminateWorkflow(id);
    await testEnv.clearFaults();
    await reconcileUntilHandled(testEnv, id);

    expect(await expectFullyCompensated(testEnv, id)).toMatchObject({
      status: 'rejected',
      rejection: { code: 'payment_unavailable' },
    });
    await reconcileUntilResolved(testEnv, id);
  });

  test.each([['signal', '--name', 'cancelOrder', '--input', '{"reason": "too late?"}'], ['cancel']])(
    'with an unprocessed cancellation request is cancelled (%s)',
    async (command, ...options) => {
      const id = await createConfirmedOrder(testEnv);
      await testEnv.stopWorkers();
      await runWorkflowCommand(command, '--workflow-id', id, ...options);
      await terminateWorkflow(id);
      await testEnv.startWorkers();
      await reconcileUntilHandled(testEnv, id);

      const order = await expectFullyCompensated(testEnv, id);
      expect(order.status).toBe('cancelled');
      expect(order.cancellation).toMatchObject(
        command === 'signal'
          ? { reason: 'too late?' }
          : { requestedBy: { kind: 'signal', claim: 'temporal' } },
      );
    },
  );

  test('repeatedly is restarted up to the limit, then flagged, and resolved after a manual reset', async () => {
    const id = await createConfirmedOrder(testEnv);
    const policy = { maxRestarts: 2 };
    for (const restarts of [1, 2]) {
      await terminateWorkflow(id);
      await eventually(
        `restart ${restarts} of the order`,
        async () => {
          await reconcile(testEnv, policy);
          const findings = await listFindings(testEnv, id);
          return findings.reduce((sum, finding) => sum + finding.restarts, 0) === restarts;
        },
        120_000,
      );
    }
    await terminateWorkflow(id);
    const flagged = await eventually(
      'the order to be flagged',
      async () => {
        await reconcile(testEnv, policy);
        return (await listFindings(testEnv, id)).find(({ action }) => action === 'flagged');
      },
      120_000,
    );
    expect(flagged).toMatchObject({
      problem: 'workflow_ended',
      detail: 'the order is confirmed and its workflow was terminated, after 2 restarts',
      resolvedMs: null,
    });
    expect((await testEnv.getHandle(id).describe()).status.name).toBe('TERMINATED');

    await runWorkflowCommand('reset', '--workflow-id', id, '--type', 'FirstWorkflowTask', '--reason', 'test');
    await reconcileUntilResolved(testEnv, id);
    await expectPaidOnce(id);
    expect(await findInconsistencies(testEnv, id)).toEqual([]);
  });
});

test('concurrent reconciliation runs restart each order once', async () => {
  const ids = await Promise.all(Array.from({ length: 6 }, () => createConfirmedOrder(testEnv)));
  await Promise.all(ids.map((id) => testEnv.getHandle(id).terminate()));

  const policy = { restartPauseMs: 60_000 };
  await eventually(
    'all orders to be restarted',
    async () => {
      await Promise.all([reconcile(testEnv, policy), reconcile(testEnv, policy), reconcile(testEnv, policy)]);
      return (await Promise.all(ids.map((id) => listFindings(testEnv, id)))).every(
        (findings) => findings.length > 0,
      );
    },
    120_000,
  );

  for (const id of ids) {
    expect(await listFindings(testEnv, id)).toMatchObject([{ action: 'restarted', restarts: 1 }]);
    expect((await testEnv.getHandle(id).describe()).status.name).toBe('RUNNING');
    await expectPaidOnce(id);
  }
});

test('reconciliation ignores orders that are closed while it runs', async () => {
  const ids = await Promise.all(Array.from({ length: 6 }, () => createConfirmedOrder(testEnv)));
  let isRunning = true;
  const reconciliation = (async () => {
    while (isRunning) await reconcile(testEnv);
  })();
  try {
    await Promise.all(ids.map((id) => testEnv.getHandle(id).signal(cancelOrder)));
    await Promise.all(ids.map((id) => expectFullyCompensated(testEnv, id)));
  } finally {
    isRunning = false;
    await reconciliation;
  }
  for (const id of ids) expect(await listFindings(testEnv, id)).toEqual([]);
});

test('restart does not start a workflow that runs or has completed, also after an outdated detection', async () => {
  const input = await testEnv.createOrderInput();
  const { id } = input.order;
  await startOrder(testEnv, input);
  await waitForStatus(testEnv, id, 'confirmed');
  const { runId } = await testEnv.getHandle(id).describe();
  const restart = () =>
    createOrderWorkflows(testEnv.client, testEnv.queues.orders).restart(input, {
      restartedBecause: 'it appeared to be closed',
      restartedAfterRun: runId,
    });

  expect(await restart()).toBe(false);
  await testEnv.getHandle(id).signal(cancelOrder);
  await expectFullyCompensated(testEnv, id);
  expect(await restart()).toBe(false);
  expect((await testEnv.getHandle(id).describe()).runId).toBe(runId);
});

test('reconciliation ignores a placement without a workflow: its client retries it', async () => {
  const input = await testEnv.createOrderInput();
  await claimPlacement(testEnv, input);
  await reconcile(testEnv, { graceMs: 0 });
  await expect(testEnv.getHandle(input.order.id).describe()).rejects.toThrow('not found');
  expect(await listFindings(testEnv, input.order.id)).toEqual([]);
});
