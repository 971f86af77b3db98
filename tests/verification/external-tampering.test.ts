import { WorkflowNotFoundError } from '@temporalio/client';
import { eventually } from '../harness/eventually';
import type { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';
import { type Tampering, testTampering } from './tampering';
import { deleteOrderRows, orderFixtures } from './verification-fixtures';

const { confirmed, cancelledAfterPayment, cancelling } = orderFixtures;

async function deleteWorkflow(testEnv: WorkflowTestEnv, workflowId: string): Promise<void> {
  const { namespace } = testEnv.client.options;
  await testEnv.client.workflowService.deleteWorkflowExecution({
    namespace,
    workflowExecution: { workflowId },
  });
  const handle = testEnv.getHandle(workflowId);
  const isNotFound = (error: unknown) => error instanceof WorkflowNotFoundError;
  const isDeleted = () => handle.describe().then(() => false, isNotFound);
  await eventually('the workflow is deleted', isDeleted);
}

/** Creates a payment of the order outside of its workflow. */
const payAtProvider =
  (capture: 'automatic' | 'manual'): Tampering =>
  async (testEnv) => {
    const { id } = await confirmed(testEnv);
    const key = `${id}:elsewhere`;
    const order = { orderId: id, amountMinor: 500, currency: 'EUR' };
    const intent = await testEnv.provider.createIntent({ key, ...order, capture });
    await testEnv.provider.authorize({ key, intentId: intent.id, paymentMethod: 'pm_card_visa' });
    return { [id]: ['provider_mismatch'] };
  };

const refundAtProvider =
  (amountMinor: (captured: number) => number): Tampering =>
  async (testEnv) => {
    const { id } = await confirmed(testEnv);
    for (const intent of await testEnv.listIntents(id)) {
      const amount = amountMinor(intent.amount_captured);
      await testEnv.provider.refund({ key: `${id}:elsewhere`, intentId: intent.id, amountMinor: amount });
    }
    return { [id]: ['provider_mismatch'] };
  };

testTampering({
  'a workflow is terminated': async (testEnv) => {
    const { id } = await confirmed(testEnv);
    await testEnv.getHandle(id).terminate('manually');
    return { [id]: ['workflow_missing'] };
  },
  'the workflow of an order that is being cancelled is terminated': async (testEnv) => {
    const { id } = await cancelling(testEnv);
    await testEnv.getHandle(id).terminate('manually');
    return { [id]: ['workflow_missing'] };
  },
  'a workflow is terminated before it stored its order': async (testEnv) => {
    await testEnv.stopWorkers();
    const handle = await testEnv.startOrder(await testEnv.createOrderInput());
    await handle.terminate('manually');
    await testEnv.startWorkers();
    return { [handle.workflowId]: ['order_missing'] };
  },
  'the workflow of an open order is deleted': async (testEnv) => {
    const { id } = await confirmed(testEnv);
    await deleteWorkflow(testEnv, id);
    return { [id]: ['workflow_missing'] };
  },
  'all rows of an order whose workflow runs are deleted': async (testEnv) => {
    const { id } = await confirmed(testEnv, 'desk-mat');
    await deleteOrderRows(testEnv, id);
    return { [id]: ['order_missing', 'provider_mismatch'] };
  },
  'all rows of a closed order are deleted': async (testEnv) => {
    const { id } = await cancelledAfterPayment(testEnv);
    await deleteOrderRows(testEnv, id);
    return { [id]: ['order_missing'] };
  },

  'a payment is captured that is not in the ledger': payAtProvider('automatic'),
  'a payment is authorized that is not in the ledger': payAtProvider('manual'),
  'a payment is refunded without a ledger entry': refundAtProvider((captured) => captured),
  'a payment is partially refunded without a ledger entry': refundAtProvider(() => 1),
});
