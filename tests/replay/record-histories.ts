import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { startImport } from '../../integrations/temporal/start-import';
import { cancelOrder, ORDER_WORKFLOW, type OrderInput } from '../../workflows/orders/messages';
import { RECONCILE_WORKFLOW, type ReconcileInput } from '../../workflows/reconciliation/messages';
import { eventually } from '../harness/eventually';
import { createStoredImport } from '../harness/http/product-imports';
import { toHistoryJson } from '../harness/workflow/histories';
import {
  reconcileUntilHandled,
  SHORT_RECONCILE_POLICY,
  startOrder,
  waitForStatus,
} from '../harness/workflow/reconciliation';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

/** Records the histories that the replay suite runs again. See tests/replay/README.md. */

/** Plays the story of an order. @returns the workflow to record, where it is not the order's. */
type Scenario = (lab: WorkflowTestEnv, input: OrderInput) => Promise<unknown>;

const placeOrder: Scenario = (lab, input) => lab.placeOrder(input);

/** The order's workflow is terminated by hand. */
async function terminateWorkflow(lab: WorkflowTestEnv, { order }: OrderInput): Promise<void> {
  await lab.getHandle(order.id).terminate('recorded');
}

const SCENARIOS: Record<string, { items?: Record<string, number>; method?: string; run: Scenario }> = {
  confirmed: { run: placeOrder },
  declined: { method: 'pm_card_visa_chargeDeclined', run: placeOrder },
  'out-of-stock': { items: { 'walnut-desk': 1, 'limited-1': 2 }, run: placeOrder },
  'cancelled-before-payment': {
    async run(lab, input) {
      await lab.client.workflow.signalWithStart(ORDER_WORKFLOW, {
        workflowId: input.order.id,
        taskQueue: lab.queues.orders,
        args: [input],
        signal: cancelOrder,
        signalArgs: [{ reason: 'changed my mind' }],
      });
      await lab.getHandle(input.order.id).result();
    },
  },
  'cancelled-after-payment': {
    async run(lab, input) {
      await lab.placeOrder(input);
      await lab.getHandle(input.order.id).signal(cancelOrder, { reason: 'changed my mind' });
      await lab.getHandle(input.order.id).result();
    },
  },
  'resumed-and-cancelled': {
    async run(lab, input) {
      const { id } = input.order;
      await startOrder(lab, input);
      await waitForStatus(lab, id, 'confirmed');
      await terminateWorkflow(lab, input);
      await reconcileUntilHandled(lab, id);
      await lab.getHandle(id).signal(cancelOrder, { reason: 'changed my mind' });
      await lab.getHandle(id).result();
    },
  },
  'resumed-after-reservation-release': {
    async run(lab, { order, ...rest }) {
      const { id } = order;
      const input = { ...rest, order, policy: { ...rest.policy, paymentDeadlineMs: 500 } };
      for (const operation of ['confirm', 'cancel']) {
        await lab.injectFault({ operation, mode: 'fail_before', match: { orderId: id } });
      }
      await startOrder(lab, input);
      await eventually('the stock to be released', async () =>
        (await lab.listEventTypes(id)).includes('StockReleased'),
      );
      await terminateWorkflow(lab, input);
      await lab.clearFaults();
      await reconcileUntilHandled(lab, id);
      await lab.getHandle(id).result();
    },
  },
  reconciled: {
    async run(lab, input) {
      await startOrder(lab, input);
      await waitForStatus(lab, input.order.id, 'confirmed');
      await terminateWorkflow(lab, input);
      const workflowId = `reconcile-${input.order.id}`;
      const args: [ReconcileInput] = [{ policy: { ...SHORT_RECONCILE_POLICY, graceMs: 0 } }];
      await lab.client.workflow.execute(RECONCILE_WORKFLOW, {
        workflowId,
        taskQueue: lab.queues.orders,
        args,
      });
      return workflowId;
    },
  },
  imported: {
    async run(lab) {
      const id = await createStoredImport(lab.store, 'walnut-desk', { chunks: 3, rowsOfChunk: 2 });
      await startImport(lab.client, lab.queues.orders, id);
      await lab.getHandle(id).result();
      return id;
    },
  },
  'import-cancelled': {
    async run(lab) {
      const id = await createStoredImport(lab.store, 'oak-desk', { chunks: 400, rowsOfChunk: 1 });
      await startImport(lab.client, lab.queues.orders, id);
      await eventually(
        'a chunk applied',
        async () => (await lab.store.productImports.find(id))?.appliedChunks,
      );
      await lab.getHandle(id).cancel();
      await lab
        .getHandle(id)
        .result()
        .catch(() => undefined);
      return id;
    },
  },
};

/** Temporal notes which process did what, by its number and the name of its machine. */
const redactWorkerIdentity = (json: string): string => json.replace(/"\d+@[^"]*"/g, '"recorder"');

/** @param names of the stories to record; all when there are none. */
async function main(names: string[]): Promise<void> {
  const lab = await WorkflowTestEnv.create();
  try {
    for (const [name, { items, method, run }] of Object.entries(SCENARIOS)) {
      if (names.length > 0 && !names.includes(name)) continue;
      const input = await lab.createOrderInput(items, method);
      const other = await run(lab, input);
      const history = await lab.getHandle(typeof other === 'string' ? other : input.order.id).fetchHistory();
      const file = resolve(__dirname, 'histories', `${name}.json`);
      writeFileSync(file, `${redactWorkerIdentity(toHistoryJson(history))}\n`);
    }
  } finally {
    await lab.close();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
