import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { Lab } from '../harness/workflow/lab';
import { audit, dropGuards, fitHead, orders, sql } from './shop';

/** Temporal after its retention: it knows none of the workflows. */
const forgetful = (client: Client): Client =>
  Object.create(client, {
    workflow: {
      value: {
        list: async function* () {},
        getHandle: (id: string) => ({
          describe: () => Promise.reject(new WorkflowNotFoundError('not found', id, undefined)),
        }),
      },
    },
  }) as Client;

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterAll(() => lab.close());

const auditLater = async (ids: string[]) =>
  (await audit(lab, ids, { temporal: forgetful(lab.client) })).blamed;

test('a closed order needs its workflow no more, an open one does', async () => {
  const open = await orders.confirmed(lab);
  const closed = [
    await orders.cancelledAfterPayment(lab),
    await orders.cancelledBeforePayment(lab),
    await orders.declined(lab),
    await orders.outOfStock(lab),
  ];
  expect(await auditLater([open.id, ...closed.map(({ id }) => id)])).toEqual({
    [open.id]: ['workflow_missing'],
  });
});

test('without a history, the rows tell of a last event that is gone', async () => {
  const { id } = await orders.cancelledAfterPayment(lab);
  await dropGuards(lab);
  await sql(lab, "DELETE FROM events WHERE stream = :id AND type = 'OrderCancelled'", { id });
  await fitHead(lab, id);
  expect(await auditLater([id])).toEqual({ [id]: ['projection_mismatch', 'workflow_missing'] });
});
