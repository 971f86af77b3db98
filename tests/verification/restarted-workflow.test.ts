import {
  createConfirmedOrder,
  reconcileUntilHandled,
  reconcileUntilResolved,
  terminateWorkflow,
  waitForStatus,
} from '../harness/workflow/reconciliation';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';
import {
  dropAppendOnlyTriggers,
  executeSql,
  recomputeStreamHead,
  runVerification,
} from './verification-fixtures';

let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create();
  await dropAppendOnlyTriggers(testEnv);
});
afterAll(() => testEnv.close());

test('an order that was restarted agrees with itself', async () => {
  const id = await createConfirmedOrder(testEnv);
  await terminateWorkflow(id);
  await reconcileUntilHandled(testEnv, id);
  await reconcileUntilResolved(testEnv, id);
  expect((await runVerification(testEnv, [id])).blamed).toEqual({});
});

test('what was cut off the log before a restart is found all the same: the run before was told of it', async () => {
  const id = await createConfirmedOrder(testEnv);
  await terminateWorkflow(id);
  await executeSql(testEnv, 'DELETE FROM events WHERE stream = :id AND seq > 2', { id });
  await recomputeStreamHead(testEnv, id);
  const rewind = "UPDATE orders SET status = 'placed', payment = 'pending', version = 1 WHERE id = :id";
  await executeSql(testEnv, rewind, { id });

  await reconcileUntilHandled(testEnv, id);
  await waitForStatus(testEnv, id, 'confirmed');
  await reconcileUntilResolved(testEnv, id);

  expect((await testEnv.listIntents(id)).map((i) => i.status)).toEqual(['succeeded']);
  expect((await runVerification(testEnv, [id])).blamed).toEqual({ [id]: ['anchor_mismatch'] });
});
