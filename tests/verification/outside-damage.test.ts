import { WorkflowNotFoundError } from '@temporalio/client';
import { eventually } from '../harness/eventually';
import type { Lab } from '../harness/workflow/lab';
import { type Damage, testDamages } from './damages';
import { dropAllOf, orders } from './shop';

const { confirmed, cancelledAfterPayment, cancelling } = orders;

async function deleteWorkflow(lab: Lab, workflowId: string): Promise<void> {
  const { namespace } = lab.client.options;
  await lab.client.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId } });
  const handle = lab.handle(workflowId);
  const isGone = (error: unknown) => error instanceof WorkflowNotFoundError;
  const gone = () => handle.describe().then(() => false, isGone);
  await eventually('the workflow is deleted', gone);
}

/** A payment of the order that no workflow made. */
const takenAtProvider =
  (capture: 'automatic' | 'manual'): Damage =>
  async (lab) => {
    const { id } = await confirmed(lab);
    const key = `${id}:elsewhere`;
    const order = { orderId: id, amountMinor: 500, currency: 'EUR' };
    const intent = await lab.provider.createIntent({ key, ...order, capture });
    await lab.provider.authorize({ key, intentId: intent.id, paymentMethod: 'pm_card_visa' });
    return { [id]: ['provider_mismatch'] };
  };

const refundedAtProvider =
  (amountMinor: (captured: number) => number): Damage =>
  async (lab) => {
    const { id } = await confirmed(lab);
    for (const intent of await lab.intents(id)) {
      const amount = amountMinor(intent.amount_captured);
      await lab.provider.refund({ key: `${id}:elsewhere`, intentId: intent.id, amountMinor: amount });
    }
    return { [id]: ['provider_mismatch'] };
  };

testDamages({
  'a workflow is terminated': async (lab) => {
    const { id } = await confirmed(lab);
    await lab.handle(id).terminate('by hand');
    return { [id]: ['workflow_missing'] };
  },
  'the workflow of an order that is being cancelled is terminated': async (lab) => {
    const { id } = await cancelling(lab);
    await lab.handle(id).terminate('by hand');
    return { [id]: ['workflow_missing'] };
  },
  'a workflow is terminated before it has stored its order': async (lab) => {
    await lab.stopWorkers();
    const handle = await lab.start(await lab.input());
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
    await dropAllOf(lab, id);
    return { [id]: ['order_missing', 'provider_mismatch'] };
  },
  'all that is stored of a closed order is deleted': async (lab) => {
    const { id } = await cancelledAfterPayment(lab);
    await dropAllOf(lab, id);
    return { [id]: ['order_missing'] };
  },

  'money is taken that the ledger does not know': takenAtProvider('automatic'),
  'money is authorized that the ledger does not know': takenAtProvider('manual'),
  'money is given back that the ledger does not know': refundedAtProvider((captured) => captured),
  'a part of the money is given back that the ledger does not know': refundedAtProvider(() => 1),
});
