import { readWorkflowHistory } from '../../integrations/temporal/history';
import { createOrderWorkflows } from '../../integrations/temporal/order-workflows';
import { cancelOrder, getOrder } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { HeldCalls } from '../harness/workflow/held-calls';
import { Lab } from '../harness/workflow/lab';
import {
  begin,
  claim,
  confirmedOrder,
  findingsOf,
  reconcile,
  temporalWorkflow,
  terminate,
  untilDealtWith,
  untilStatus,
  untilWell,
} from '../harness/workflow/reconciling';
import { disagreements, endedWithNothingLeft, heldUnits } from '../harness/workflow/settled';

const calls = new HeldCalls();
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open({ provider: calls.wrap });
});
afterEach(() => lab.clearFaults());
afterAll(() => lab.close());

const CONFIRMED = ['OrderCreated', 'StockReserved', 'PaymentSucceeded', 'OrderConfirmed'];
const CANCELLED = [...CONFIRMED, 'OrderCancelling', 'StockReleased', 'PaymentRefunded', 'OrderCancelled'];

async function paidOnce(id: string): Promise<void> {
  expect((await lab.intents(id)).map((i) => [i.status, i.amount_refunded])).toEqual([['succeeded', 0]]);
  expect(await heldUnits(lab, id)).toBe(1);
  expect(await lab.story(id)).toEqual(CONFIRMED);
}

describe('an order whose workflow was terminated', () => {
  test('while it rested goes on resting, and can still be cancelled', async () => {
    const id = await confirmedOrder(lab);
    const order = await lab.store.orders.find(id);
    const { runId } = await lab.handle(id).describe();
    await terminate(id);

    expect(await untilDealtWith(lab, id)).toMatchObject({
      problem: 'workflow_ended',
      detail: 'it is confirmed and its workflow was terminated',
      action: 'restarted',
      restarts: 1,
      runId,
    });
    await untilWell(lab, id);

    const workflow = await lab.handle(id).describe();
    expect(workflow.status.name).toBe('RUNNING');
    expect(workflow.memo).toEqual({
      restartedBecause: 'it is confirmed and its workflow was terminated',
      restartedAfterRun: runId,
    });
    expect(await lab.handle(id).query(getOrder)).toEqual(order);
    expect(workflow.searchAttributes).toMatchObject({ OrderStatus: ['confirmed'], PaymentStatus: ['paid'] });
    await paidOnce(id);
    expect(await disagreements(lab, id)).toEqual([]);

    await lab.handle(id).signal(cancelOrder);
    await endedWithNothingLeft(lab, id);
    expect((await lab.story(id)).toSorted()).toEqual(CANCELLED.toSorted());
  });

  test('tells in its history who did what, of both runs', async () => {
    const id = await confirmedOrder(lab);
    const before = await readWorkflowHistory(lab.client, id);
    await terminate(id);
    await untilDealtWith(lab, id);
    await eventually('the new run to know the order', async () => {
      return ((await lab.handle(id).query(getOrder)) as { status: string }).status === 'confirmed';
    });

    const after = await readWorkflowHistory(lab.client, id);
    expect(after.runId).not.toBe(before.runId);
    const told = after.entries.map(({ type, what }) => `${type}: ${what}`);
    expect(told).toContain('Terminated: The workflow was terminated');
    expect(told).toContain(
      'Restarted: The workflow was started again: it is confirmed and its workflow was terminated',
    );
    for (const [seq, hash] of before.anchors) expect(after.anchors.get(seq)).toBe(hash);
  });

  test('while its payment was on the way is paid once and confirmed', async () => {
    const input = await lab.input();
    const { id } = input.order;
    const authorize = calls.hold(id, 'authorize');
    await begin(lab, input);
    await authorize.reached;
    await terminate(id);

    await untilDealtWith(lab, id);
    await untilStatus(lab, id, 'confirmed');
    authorize.release();

    await untilWell(lab, id);
    await paidOnce(id);
    expect(await disagreements(lab, id)).toEqual([]);
  });

  test('while its refund failed is refunded once and cancelled', async () => {
    const id = await confirmedOrder(lab);
    await lab.fault({ operation: 'refund', mode: 'fail_before', match: { orderId: id } });
    await lab.handle(id).signal(cancelOrder, { reason: 'once' });
    await eventually('the refund to be tried', async () => (await lab.attempt(id)) >= 2);
    await terminate(id);
    await untilDealtWith(lab, id);
    await lab.clearFaults();

    expect(await endedWithNothingLeft(lab, id)).toMatchObject({
      status: 'cancelled',
      payment: 'refunded',
      cancellation: { reason: 'once' },
    });
    await untilWell(lab, id);
  });

  test('before it was stored is placed after all', async () => {
    const input = await lab.input();
    const { id } = input.order;
    await lab.stopWorkers();
    await begin(lab, input);
    await terminate(id);
    await lab.startWorkers();

    expect(await untilDealtWith(lab, id)).toMatchObject({ action: 'restarted', problem: 'workflow_ended' });
    await untilStatus(lab, id, 'confirmed');
    await untilWell(lab, id);
    await paidOnce(id);
    expect(await disagreements(lab, id)).toEqual([]);
  });

  test('while it was given up, its stock gone already, is not paid any more', async () => {
    const input = { ...(await lab.input()), policy: { ...lab.policy, paymentDeadlineMs: 500 } };
    const { id } = input.order;
    for (const operation of ['confirm', 'cancel']) {
      await lab.fault({ operation, mode: 'fail_before', match: { orderId: id } });
    }
    await begin(lab, input);
    await eventually('the stock to be released', async () => (await lab.story(id)).includes('StockReleased'));
    await terminate(id);
    await lab.clearFaults();
    await untilDealtWith(lab, id);

    expect(await endedWithNothingLeft(lab, id)).toMatchObject({
      status: 'rejected',
      rejection: { code: 'payment_unavailable' },
    });
    await untilWell(lab, id);
  });

  test.each([['signal', '--name', 'cancelOrder', '--input', '{"reason": "too late?"}'], ['cancel']])(
    'with a cancellation that nobody had heard is cancelled (%s)',
    async (command, ...options) => {
      const id = await confirmedOrder(lab);
      await lab.stopWorkers();
      await temporalWorkflow(command, '--workflow-id', id, ...options);
      await terminate(id);
      await lab.startWorkers();
      await untilDealtWith(lab, id);

      const order = await endedWithNothingLeft(lab, id);
      expect(order.status).toBe('cancelled');
      expect(order.cancellation).toMatchObject(
        command === 'signal'
          ? { reason: 'too late?' }
          : { requestedBy: { kind: 'signal', claim: 'temporal' } },
      );
    },
  );

  test('again and again is restarted a few times, then flagged, and well again when people have helped', async () => {
    const id = await confirmedOrder(lab);
    const policy = { maxRestarts: 2 };
    for (const restarts of [1, 2]) {
      await terminate(id);
      await eventually(
        `restart ${restarts}`,
        async () => {
          await reconcile(lab, policy);
          const all = await findingsOf(lab, id);
          return all.reduce((sum, finding) => sum + finding.restarts, 0) === restarts;
        },
        120_000,
      );
    }
    await terminate(id);
    const flagged = await eventually(
      'it to be flagged',
      async () => {
        await reconcile(lab, policy);
        return (await findingsOf(lab, id)).find(({ action }) => action === 'flagged');
      },
      120_000,
    );
    expect(flagged).toMatchObject({
      problem: 'workflow_ended',
      detail: 'it is confirmed and its workflow was terminated, though it was restarted 2 times',
      resolvedMs: null,
    });
    expect((await lab.handle(id).describe()).status.name).toBe('TERMINATED');

    await temporalWorkflow('reset', '--workflow-id', id, '--type', 'FirstWorkflowTask', '--reason', 'mended');
    await untilWell(lab, id);
    await paidOnce(id);
    expect(await disagreements(lab, id)).toEqual([]);
  });
});

test('runs of reconciliation at the same time restart each order once', async () => {
  const ids = await Promise.all(Array.from({ length: 6 }, () => confirmedOrder(lab)));
  await Promise.all(ids.map((id) => lab.handle(id).terminate()));

  const policy = { restartPauseMs: 60_000 };
  await eventually(
    'all to be restarted',
    async () => {
      await Promise.all([reconcile(lab, policy), reconcile(lab, policy), reconcile(lab, policy)]);
      return (await Promise.all(ids.map((id) => findingsOf(lab, id)))).every((found) => found.length > 0);
    },
    120_000,
  );

  for (const id of ids) {
    expect(await findingsOf(lab, id)).toMatchObject([{ action: 'restarted', restarts: 1 }]);
    expect((await lab.handle(id).describe()).status.name).toBe('RUNNING');
    await paidOnce(id);
  }
});

test('orders that come to their end meanwhile are left alone', async () => {
  const ids = await Promise.all(Array.from({ length: 6 }, () => confirmedOrder(lab)));
  let moving = true;
  const looking = (async () => {
    while (moving) await reconcile(lab);
  })();
  try {
    await Promise.all(ids.map((id) => lab.handle(id).signal(cancelOrder)));
    await Promise.all(ids.map((id) => endedWithNothingLeft(lab, id)));
  } finally {
    moving = false;
    await looking;
  }
  for (const id of ids) expect(await findingsOf(lab, id)).toEqual([]);
});

test('a workflow that runs, or came to its end, is not started again, however it seemed a moment ago', async () => {
  const input = await lab.input();
  const { id } = input.order;
  await begin(lab, input);
  await untilStatus(lab, id, 'confirmed');
  const { runId } = await lab.handle(id).describe();
  const again = () =>
    createOrderWorkflows(lab.client, lab.queues.orders).restart(input, {
      restartedBecause: 'it seemed to have ended',
      restartedAfterRun: runId,
    });

  expect(await again()).toBe(false);
  await lab.handle(id).signal(cancelOrder);
  await endedWithNothingLeft(lab, id);
  expect(await again()).toBe(false);
  expect((await lab.handle(id).describe()).runId).toBe(runId);
});

test('a placement that never had a workflow is left to its client', async () => {
  const input = await lab.input();
  await claim(lab, input);
  await reconcile(lab, { graceMs: 0 });
  await expect(lab.handle(input.order.id).describe()).rejects.toThrow('not found');
  expect(await findingsOf(lab, input.order.id)).toEqual([]);
});
