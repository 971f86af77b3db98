import { WorkflowNotFoundError } from '@temporalio/client';
import { eventually } from '../harness/eventually';
import type { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';
import { type Tampering, testTampering } from './tampering';
import { deleteOrderRows, orderFixtures } from './verification-fixtures';

const { confirmed, cancelledAfterPayment, cancelling } = orderFixtures;

async function deleteWorkflow(lab: WorkflowTestEnv, workflowId: string): Promise<void> {
  const { namespace } = lab.client.options;
  await lab.client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId } });
  const handle = lab.getHandle(workflowId);
  const isGone = (error: unknown) => error instanceof WorkflowNotFoundError;
  const gone = () => handle.describe().then(() => false, isGone);
  await eventually('the workflow is deleted', gone);
}

/** A payment of the order that no workflow made. */
const payAtProvider =
  (capture: 'automatic' | 'manual'): Tampering =>
  async (lab) => {
    const { id } = await confirmed(lab);
    const key = `${id}:elsewhere`;
    const order = { orderId: id, amountMinor: 500, currency: 'EUR' };
    const intent = await lab.provider.createIntent({ key, ...order, capture });
    await lab.provider.authorize({ key, intentId: intent.id, paymentMethod: 'pm_card_visa' });
    return { [id]: ['provider_mismatch'] };
  };

const refundAtProvider =
  (amountMinor: (captured: number) => number): Tampering =>
  async (lab) => {
    const { id } = await confirmed(lab);
    for (const intent of await lab.listIntents(id)) {
      const amount = amountMinor(intent.amount_captured);
      await lab.provider.refund({ key: `${id}:elsewhere`, intentId: intent.id, amountMinor: amount });
    }
    return { [id]: ['provider_mismatch'] };
  };

testTampering({
  'a workflow is terminated': async (lab) => {
    const { id } = await confirmed(lab);
    await lab.getHandle(id).terminate('by hand');
    return { [id]: ['workflow_missing'] };
  },
  'the workflow of an order that is being cancelled is terminated': async (lab) => {
    const { id } = await cancelling(lab);
    await lab.getHandle(id).terminate('by hand');
    return { [id]: ['workflow_missing'] };
  },
  'a workflow is terminated before it has stored its order': async (lab) => {
    await lab.stopWorkers();
    const handle = await lab.startOrder(await lab.createOrderInput());
    await handle.terminate('by hand');
    await lab.startWorkers();
    return { [handle.workflowId]: ['order_missing'] };
  },
  'the workflow of an open order is deleted': async (lab) => {
    const { id } = await confirmed(lab);
    await deleteWorkflow(lab, id);
    return { [id]: ['workflow_missing'] };
  },
  'all that is stored of an order whose workflow runs is deleted': async (lab) => {
    const { id } = await confirmed(lab, 'desk-mat');
    await deleteOrderRows(lab, id);
    return { [id]: ['order_missing', 'provider_mismatch'] };
  },
  'all that is stored of a closed order is deleted': async (lab) => {
    const { id } = await cancelledAfterPayment(lab);
    await deleteOrderRows(lab, id);
    return { [id]: ['order_missing'] };
  },

  'money is taken that the ledger does not know': payAtProvider('automatic'),
  'money is authorized that the ledger does not know': payAtProvider('manual'),
  'money is given back that the ledger does not know': refundAtProvider((captured) => captured),
  'a part of the money is given back that the ledger does not know': refundAtProvider(() => 1),
});
