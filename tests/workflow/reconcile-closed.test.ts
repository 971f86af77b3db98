import { readWorkflowHistory } from '../../integrations/temporal/history';
import { createOrderWorkflows } from '../../integrations/temporal/order-workflows';
import { cancelOrder, getOrder } from '../../workflows/messages';
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
  test('while it rested goes on resting, and can still be cancelled', async () => {
    const id = await createConfirmedOrder(testEnv);
    const order = await testEnv.store.orders.find(id);
    const { runId } = await testEnv.getHandle(id).describe();
    await terminateWorkflow(id);

    expect(await reconcileUntilHandled(testEnv, id)).toMatchObject({
      problem: 'workflow_ended',
      detail: 'it is confirmed and its workflow was terminated',
      action: 'restarted',
      restarts: 1,
      runId,
    });
    await reconcileUntilResolved(testEnv, id);

    const workflow = await testEnv.getHandle(id).describe();
    expect(workflow.status.name).toBe('RUNNING');
    expect(workflow.memo).toEqual({
      restartedBecause: 'it is confirmed and its workflow was terminated',
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

  test('tells in its history who did what, of both runs', async () => {
    const id = await createConfirmedOrder(testEnv);
    const before = await readWorkflowHistory(testEnv.client, id);
    await terminateWorkflow(id);
    await reconcileUntilHandled(testEnv, id);
    await eventually('the new run to know the order', async () => {
      return ((await testEnv.getHandle(id).query(getOrder)) as { status: string }).status === 'confirmed';
    });

    const after = await readWorkflowHistory(testEnv.client, id);
    expect(after.runId).not.toBe(before.runId);
    const told = after.entries.map(({ type, what }) => `${type}: ${what}`);
    expect(told).toContain('Terminated: The workflow was terminated');
    expect(told).toContain(
      'Restarted: The workflow was started again: it is confirmed and its workflow was terminated',
    );
    for (const [seq, hash] of before.anchors) expect(after.anchors.get(seq)).toBe(hash);
  });

  test('while its payment was on the way is paid once and confirmed', async () => {
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

  test('while its refund failed is refunded once and cancelled', async () => {
    const id = await createConfirmedOrder(testEnv);
    await testEnv.injectFault({ operation: 'refund', mode: 'fail_before', match: { orderId: id } });
    await testEnv.getHandle(id).signal(cancelOrder, { reason: 'once' });
    await eventually('the refund to be tried', async () => (await testEnv.getActivityAttempt(id)) >= 2);
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

  test('before it was stored is placed after all', async () => {
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

  test('while it was given up, its stock gone already, is not paid any more', async () => {
    const input = {
      ...(await testEnv.createOrderInput()),
      policy: { ...testEnv.policy, paymentDeadlineMs: 500 },
    };
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
    'with a cancellation that nobody had heard is cancelled (%s)',
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

  test('again and again is restarted a few times, then flagged, and well again when people have helped', async () => {
    const id = await createConfirmedOrder(testEnv);
    const policy = { maxRestarts: 2 };
    for (const restarts of [1, 2]) {
      await terminateWorkflow(id);
      await eventually(
        `restart ${restarts}`,
        async () => {
          await reconcile(testEnv, policy);
          const all = await listFindings(testEnv, id);
          return all.reduce((sum, finding) => sum + finding.restarts, 0) === restarts;
        },
        120_000,
      );
    }
    await terminateWorkflow(id);
    const flagged = await eventually(
      'it to be flagged',
      async () => {
        await reconcile(testEnv, policy);
        return (await listFindings(testEnv, id)).find(({ action }) => action === 'flagged');
      },
      120_000,
    );
    expect(flagged).toMatchObject({
      problem: 'workflow_ended',
      detail: 'it is confirmed and its workflow was terminated, though it was restarted 2 times',
      resolvedMs: null,
    });
    expect((await testEnv.getHandle(id).describe()).status.name).toBe('TERMINATED');

    await runWorkflowCommand(
      'reset',
      '--workflow-id',
      id,
      '--type',
      'FirstWorkflowTask',
      '--reason',
      'mended',
    );
    await reconcileUntilResolved(testEnv, id);
    await expectPaidOnce(id);
    expect(await findInconsistencies(testEnv, id)).toEqual([]);
  });
});

test('runs of reconciliation at the same time restart each order once', async () => {
  const ids = await Promise.all(Array.from({ length: 6 }, () => createConfirmedOrder(testEnv)));
  await Promise.all(ids.map((id) => testEnv.getHandle(id).terminate()));

  const policy = { restartPauseMs: 60_000 };
  await eventually(
    'all to be restarted',
    async () => {
      await Promise.all([reconcile(testEnv, policy), reconcile(testEnv, policy), reconcile(testEnv, policy)]);
      return (await Promise.all(ids.map((id) => listFindings(testEnv, id)))).every(
        (found) => found.length > 0,
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

test('orders that come to their end meanwhile are left alone', async () => {
  const ids = await Promise.all(Array.from({ length: 6 }, () => createConfirmedOrder(testEnv)));
  let moving = true;
  const looking = (async () => {
    while (moving) await reconcile(testEnv);
  })();
  try {
    await Promise.all(ids.map((id) => testEnv.getHandle(id).signal(cancelOrder)));
    await Promise.all(ids.map((id) => expectFullyCompensated(testEnv, id)));
  } finally {
    moving = false;
    await looking;
  }
  for (const id of ids) expect(await listFindings(testEnv, id)).toEqual([]);
});

test('a workflow that runs, or came to its end, is not started again, however it seemed a moment ago', async () => {
  const input = await testEnv.createOrderInput();
  const { id } = input.order;
  await startOrder(testEnv, input);
  await waitForStatus(testEnv, id, 'confirmed');
  const { runId } = await testEnv.getHandle(id).describe();
  const again = () =>
    createOrderWorkflows(testEnv.client, testEnv.queues.orders).restart(input, {
      restartedBecause: 'it seemed to have ended',
      restartedAfterRun: runId,
    });

  expect(await again()).toBe(false);
  await testEnv.getHandle(id).signal(cancelOrder);
  await expectFullyCompensated(testEnv, id);
  expect(await again()).toBe(false);
  expect((await testEnv.getHandle(id).describe()).runId).toBe(runId);
});

test('a placement that never had a workflow is left to its client', async () => {
  const input = await testEnv.createOrderInput();
  await claimPlacement(testEnv, input);
  await reconcile(testEnv, { graceMs: 0 });
  await expect(testEnv.getHandle(input.order.id).describe()).rejects.toThrow('not found');
  expect(await listFindings(testEnv, input.order.id)).toEqual([]);
});
