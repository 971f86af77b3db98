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

test('an order with a restarted workflow verifies', async () => {
  const id = await createConfirmedOrder(testEnv);
  await terminateWorkflow(id);
  await reconcileUntilHandled(testEnv, id);
  await reconcileUntilResolved(testEnv, id);
  expect((await runVerification(testEnv, [id])).findings).toEqual({});
});

test('detects events deleted before a restart through the anchors of the previous run', async () => {
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
  expect((await runVerification(testEnv, [id])).findings).toEqual({ [id]: ['anchor_mismatch'] });
});
