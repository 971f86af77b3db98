import { cancelOrder, getOrder, PLACEMENT_UPDATE_ID, placement } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { HeldCalls } from '../harness/workflow/held-calls';
import { Lab } from '../harness/workflow/lab';
import {
  begin,
  confirmedOrder,
  findingsOf,
  reconcile,
  temporalWorkflow,
  terminate,
  untilDealtWith,
  untilRests,
  untilWell,
} from '../harness/workflow/reconciling';
import { disagreements, endedWithNothingLeft } from '../harness/workflow/settled';

const calls = new HeldCalls();
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open({ provider: calls.wrap });
});
afterAll(() => lab.close());

const reset = (id: string, ...to: string[]) =>
  temporalWorkflow('reset', '--workflow-id', id, '--reason', 'by hand', ...to);

/** An order with a workflow task between its first and its last: somebody asked for its decision while it was paid. */
async function askedForWhilePaying(): Promise<string> {
  const input = await lab.input();
  const { id } = input.order;
  const authorize = calls.hold(id, 'authorize');
  await begin(lab, input);
  await authorize.reached;
  await lab.handle(id).startUpdate(placement, { updateId: PLACEMENT_UPDATE_ID, waitForStage: 'ACCEPTED' });
  authorize.release();
  await untilRests(lab, id);
  return id;
}

/** After the stock was reserved, before the payment was taken. */
async function inTheMiddle(id: string): Promise<string> {
  const { events } = await lab.handle(id).fetchHistory();
  const tasks = (events ?? []).filter((e) => e.workflowTaskCompletedEventAttributes);
  expect(tasks).toHaveLength(3);
  return String(tasks[1]?.eventId);
}

const restsAsBefore = async (id: string) => {
  const stored = await lab.store.orders.find(id);
  await eventually('the new run to know the order', async () => {
    const now = (await lab.handle(id).query(getOrder)) as { status: string; version: number };
    return now.version === stored?.version;
  });
  expect(stored?.status).toBe('confirmed');
  expect((await lab.intents(id)).map((i) => [i.status, i.amount_refunded])).toEqual([['succeeded', 0]]);
  expect(await disagreements(lab, id)).toEqual([]);
};

test.each([
  ['the first workflow task', async () => ['--type', 'FirstWorkflowTask']],
  ['the last workflow task', async () => ['--type', 'LastWorkflowTask']],
  ['the middle', async (id: string) => ['--event-id', await inTheMiddle(id)]],
])('an order that was reset to %s goes on by itself and is left alone', async (_, to) => {
  const id = await askedForWhilePaying();
  await reset(id, ...(await to(id)));
  await reconcile(lab);
  await restsAsBefore(id);
  await reconcile(lab);
  expect(await findingsOf(lab, id)).toEqual([]);

  await lab.handle(id).signal(cancelOrder);
  expect(await endedWithNothingLeft(lab, id)).toMatchObject({ status: 'cancelled', payment: 'refunded' });
});

test('so is one that was terminated and reset by hand', async () => {
  const id = await confirmedOrder(lab);
  await terminate(id);
  await reset(id, '--type', 'LastWorkflowTask');
  await restsAsBefore(id);
  await reconcile(lab);
  expect(await findingsOf(lab, id)).toEqual([]);
});

test('one that was reset, and terminated while it took itself up again, is restarted', async () => {
  const id = await confirmedOrder(lab);
  await lab.stopWorkers();
  await reset(id, '--type', 'FirstWorkflowTask');
  await terminate(id);
  await lab.startWorkers();
  expect(await untilDealtWith(lab, id)).toMatchObject({ action: 'restarted' });
  await untilWell(lab, id);
  await restsAsBefore(id);
});

describe('an order whose workflow Temporal has lost', () => {
  const lose = async (id: string) => {
    await temporalWorkflow('delete', '--workflow-id', id);
    await eventually('it to be gone', async () =>
      lab
        .handle(id)
        .describe()
        .then(() => false)
        .catch(() => true),
    );
  };

  test('is started again from what SQL knows', async () => {
    const id = await confirmedOrder(lab);
    await lose(id);
    expect(await untilDealtWith(lab, id)).toMatchObject({
      problem: 'workflow_lost',
      action: 'restarted',
      runId: null,
    });
    await untilWell(lab, id);
    await restsAsBefore(id);
    await lab.handle(id).signal(cancelOrder);
    expect(await endedWithNothingLeft(lab, id)).toMatchObject({ status: 'cancelled', payment: 'refunded' });
  });

  test('is flagged where its placement is gone too', async () => {
    const id = await confirmedOrder(lab);
    await lab.store.db.sequelize.query('DELETE FROM placements WHERE order_id = $1', { bind: [id] });
    await lose(id);
    expect(await untilDealtWith(lab, id)).toMatchObject({
      problem: 'workflow_lost',
      action: 'flagged',
      detail: expect.stringContaining('its placement is gone'),
    });
  });

  test('is flagged where its placement cannot be read, and the others are started again', async () => {
    const [id, other] = [await confirmedOrder(lab), await confirmedOrder(lab)];
    await lab.store.db.sequelize.query("UPDATE placements SET input = '{' WHERE order_id = $1", {
      bind: [id],
    });
    await lose(id);
    await lose(other);
    expect(await untilDealtWith(lab, id)).toMatchObject({ problem: 'workflow_lost', action: 'flagged' });
    expect(await untilDealtWith(lab, other)).toMatchObject({ problem: 'workflow_lost', action: 'restarted' });
    await restsAsBefore(other);
  });

  test('with all others is found in one run, however many pages they fill', async () => {
    const shop = await Lab.open();
    try {
      const ids = await Promise.all(Array.from({ length: 7 }, () => confirmedOrder(shop)));
      await Promise.all(ids.map(lose));
      const { restarted, orders } = await reconcile(shop, { graceMs: 0, pageRows: 2 });
      expect(restarted).toBe(ids.length);
      expect(orders.toSorted()).toEqual(ids.toSorted());
      for (const id of ids) {
        await untilWell(shop, id);
        expect(await disagreements(shop, id)).toEqual([]);
      }
    } finally {
      await shop.close();
    }
  });
});
