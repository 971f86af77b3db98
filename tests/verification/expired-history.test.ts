import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';
import {
  dropAppendOnlyTriggers,
  executeSql,
  orderFixtures,
  recomputeStreamHead,
  runVerification,
} from './verification-fixtures';

/** A client of a Temporal server that retains none of the workflows. */
const createExpiredHistoryClient = (client: Client): Client =>
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

let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create();
});
afterAll(() => testEnv.close());

const verifyAfterRetention = async (ids: string[]) =>
  (await runVerification(testEnv, ids, { temporal: createExpiredHistoryClient(testEnv.client) })).findings;

test('reports a missing workflow for an open order, not for a closed one', async () => {
  const open = await orderFixtures.confirmed(testEnv);
  const closed = [
    await orderFixtures.cancelledAfterPayment(testEnv),
    await orderFixtures.cancelledBeforePayment(testEnv),
    await orderFixtures.declined(testEnv),
    await orderFixtures.outOfStock(testEnv),
  ];
  expect(await verifyAfterRetention([open.id, ...closed.map(({ id }) => id)])).toEqual({
    [open.id]: ['workflow_missing'],
  });
});

test('detects a deleted last event from the rows when the history has expired', async () => {
  const { id } = await orderFixtures.cancelledAfterPayment(testEnv);
  await dropAppendOnlyTriggers(testEnv);
  await executeSql(testEnv, "DELETE FROM events WHERE stream = :id AND type = 'OrderCancelled'", { id });
  await recomputeStreamHead(testEnv, id);
  expect(await verifyAfterRetention([id])).toEqual({ [id]: ['projection_mismatch', 'workflow_missing'] });
});
