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

/** Records the histories of the replay suite. See tests/replay/README.md. */

/** Runs one scenario. @returns the id of the workflow to record, if it is not the order's. */
type Scenario = (testEnv: WorkflowTestEnv, input: OrderInput) => Promise<unknown>;

const placeOrder: Scenario = (testEnv, input) => testEnv.placeOrder(input);

async function terminateWorkflow(testEnv: WorkflowTestEnv, { order }: OrderInput): Promise<void> {
  await testEnv.getHandle(order.id).terminate('recorded');
}

const SCENARIOS: Record<string, { items?: Record<string, number>; method?: string; run: Scenario }> = {
  confirmed: { run: placeOrder },
  declined: { method: 'pm_card_visa_chargeDeclined', run: placeOrder },
  'out-of-stock': { items: { 'walnut-desk': 1, 'limited-1': 2 }, run: placeOrder },
  'cancelled-before-payment': {
    async run(testEnv, input) {
      await testEnv.client.workflow.signalWithStart(ORDER_WORKFLOW, {
        workflowId: input.order.id,
        taskQueue: testEnv.queues.orders,
        args: [input],
        signal: cancelOrder,
        signalArgs: [{ reason: 'changed my mind' }],
      });
      await testEnv.getHandle(input.order.id).result();
    },
  },
  'cancelled-during-payment': {
    async run(testEnv, input) {
      const { id } = input.order;
      await testEnv.injectFault({
        operation: 'confirm',
        mode: 'delay',
        delayMs: 1_000,
        match: { orderId: id },
      });
      await testEnv.startOrder(input);
      await eventually('the intent to be created', async () => (await testEnv.listIntents(id)).length === 1);
      await testEnv.getHandle(id).signal(cancelOrder, { reason: 'changed my mind' });
      await testEnv.getHandle(id).result();
    },
  },
  'cancelled-after-payment': {
    async run(testEnv, input) {
      await testEnv.placeOrder(input);
      await testEnv.getHandle(input.order.id).signal(cancelOrder, { reason: 'changed my mind' });
      await testEnv.getHandle(input.order.id).result();
    },
  },
  'resumed-and-cancelled': {
    async run(testEnv, input) {
      const { id } = input.order;
      await startOrder(testEnv, input);
      await waitForStatus(testEnv, id, 'confirmed');
      await terminateWorkflow(testEnv, input);
      await reconcileUntilHandled(testEnv, id);
      await testEnv.getHandle(id).signal(cancelOrder, { reason: 'changed my mind' });
      await testEnv.getHandle(id).result();
    },
  },
  'resumed-after-reservation-release': {
    async run(testEnv, { order, ...rest }) {
      const { id } = order;
      const input = { ...rest, order, policy: { ...rest.policy, paymentDeadlineMs: 500 } };
      for (const operation of ['confirm', 'cancel']) {
        await testEnv.injectFault({ operation, mode: 'fail_before', match: { orderId: id } });
      }
      await startOrder(testEnv, input);
      await eventually('the stock to be released', async () =>
        (await testEnv.listEventTypes(id)).includes('StockReleased'),
      );
      await terminateWorkflow(testEnv, input);
      await testEnv.clearFaults();
      await reconcileUntilHandled(testEnv, id);
      await testEnv.getHandle(id).result();
    },
  },
  reconciled: {
    async run(testEnv, input) {
      await startOrder(testEnv, input);
      await waitForStatus(testEnv, input.order.id, 'confirmed');
      await terminateWorkflow(testEnv, input);
      const workflowId = `reconcile-${input.order.id}`;
      const args: [ReconcileInput] = [{ policy: { ...SHORT_RECONCILE_POLICY, graceMs: 0 } }];
      await testEnv.client.workflow.execute(RECONCILE_WORKFLOW, {
        workflowId,
        taskQueue: testEnv.queues.orders,
        args,
      });
      return workflowId;
    },
  },
  imported: {
    async run(testEnv) {
      const id = await createStoredImport(testEnv.store, 'walnut-desk', { chunks: 3, rowsOfChunk: 2 });
      await startImport(testEnv.client, testEnv.queues.orders, id);
      await testEnv.getHandle(id).result();
      return id;
    },
  },
  'import-cancelled': {
    async run(testEnv) {
      const id = await createStoredImport(testEnv.store, 'oak-desk', { chunks: 400, rowsOfChunk: 1 });
      await startImport(testEnv.client, testEnv.queues.orders, id);
      await eventually(
        'a chunk to be applied',
        async () => (await testEnv.store.productImports.find(id))?.appliedChunks,
      );
      await testEnv.getHandle(id).cancel();
      await testEnv
        .getHandle(id)
        .result()
        .catch(() => undefined);
      return id;
    },
  },
};

/** Temporal records worker identities as process id and host name. */
const redactWorkerIdentity = (json: string): string => json.replace(/"\d+@[^"]*"/g, '"recorder"');

/** @param names of the scenarios to record; all by default. */
async function main(names: string[]): Promise<void> {
  const testEnv = await WorkflowTestEnv.create();
  try {
    for (const [name, { items, method, run }] of Object.entries(SCENARIOS)) {
      if (names.length > 0 && !names.includes(name)) continue;
      const input = await testEnv.createOrderInput(items, method);
      const otherId = await run(testEnv, input);
      const history = await testEnv
        .getHandle(typeof otherId === 'string' ? otherId : input.order.id)
        .fetchHistory();
      const file = resolve(__dirname, 'histories', `${name}.json`);
      writeFileSync(file, `${redactWorkerIdentity(toHistoryJson(history))}\n`);
    }
  } finally {
    await testEnv.close();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
