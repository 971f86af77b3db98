import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { startImport } from '../../integrations/temporal/import-start';
import {
  cancelOrder,
  ORDER_WORKFLOW,
  type OrderInput,
  RECONCILE_WORKFLOW,
  type ReconcileInput,
} from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { storedImport } from '../harness/http/imports';
import { toHistoryJson } from '../harness/workflow/histories';
import { Lab } from '../harness/workflow/lab';
import { begin, SHORT_RECONCILE_POLICY, untilDealtWith, untilStatus } from '../harness/workflow/reconciling';

/** Records the histories that the replay suite runs again. See tests/replay/README.md. */

/** Plays the story of an order. @returns the workflow to record, where it is not the order's. */
type Story = (lab: Lab, input: OrderInput) => Promise<unknown>;

const place: Story = (lab, input) => lab.place(input);

/** The order's workflow is terminated by hand. */
async function terminated(lab: Lab, { order }: OrderInput): Promise<void> {
  await lab.handle(order.id).terminate('recorded');
}

const STORIES: Record<string, { items?: Record<string, number>; method?: string; run: Story }> = {
  confirmed: { run: place },
  declined: { method: 'pm_card_visa_chargeDeclined', run: place },
  'out-of-stock': { items: { 'walnut-desk': 1, 'limited-1': 2 }, run: place },
  'cancelled-before-payment': {
    async run(lab, input) {
      await lab.client.workflow.signalWithStart(ORDER_WORKFLOW, {
        workflowId: input.order.id,
        taskQueue: lab.queues.orders,
        args: [input],
        signal: cancelOrder,
        signalArgs: [{ reason: 'changed my mind' }],
      });
      await lab.handle(input.order.id).result();
    },
  },
  'cancelled-after-payment': {
    async run(lab, input) {
      await lab.place(input);
      await lab.handle(input.order.id).signal(cancelOrder, { reason: 'changed my mind' });
      await lab.handle(input.order.id).result();
    },
  },
  'restarted-and-cancelled': {
    async run(lab, input) {
      const { id } = input.order;
      await begin(lab, input);
      await untilStatus(lab, id, 'confirmed');
      await terminated(lab, input);
      await untilDealtWith(lab, id);
      await lab.handle(id).signal(cancelOrder, { reason: 'changed my mind' });
      await lab.handle(id).result();
    },
  },
  'restarted-without-stock': {
    async run(lab, { order, ...rest }) {
      const { id } = order;
      const input = { ...rest, order, policy: { ...rest.policy, paymentDeadlineMs: 500 } };
      for (const operation of ['confirm', 'cancel']) {
        await lab.fault({ operation, mode: 'fail_before', match: { orderId: id } });
      }
      await begin(lab, input);
      await eventually('the stock to be released', async () =>
        (await lab.story(id)).includes('StockReleased'),
      );
      await terminated(lab, input);
      await lab.clearFaults();
      await untilDealtWith(lab, id);
      await lab.handle(id).result();
    },
  },
  reconciled: {
    async run(lab, input) {
      await begin(lab, input);
      await untilStatus(lab, input.order.id, 'confirmed');
      await terminated(lab, input);
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
      const id = await storedImport(lab.store, 'walnut-desk', { chunks: 3, rowsOfChunk: 2 });
      await startImport(lab.client, lab.queues.orders, id);
      await lab.handle(id).result();
      return id;
    },
  },
  'import-cancelled': {
    async run(lab) {
      const id = await storedImport(lab.store, 'oak-desk', { chunks: 400, rowsOfChunk: 1 });
      await startImport(lab.client, lab.queues.orders, id);
      await eventually(
        'a chunk applied',
        async () => (await lab.store.productImports.find(id))?.appliedChunks,
      );
      await lab.handle(id).cancel();
      await lab
        .handle(id)
        .result()
        .catch(() => undefined);
      return id;
    },
  },
};

/** Temporal notes which process did what, by its number and the name of its machine. */
const withoutMachine = (json: string): string => json.replace(/"\d+@[^"]*"/g, '"recorder"');

/** @param names of the stories to record; all when there are none. */
async function main(names: string[]): Promise<void> {
  const lab = await Lab.open();
  try {
    for (const [name, { items, method, run }] of Object.entries(STORIES)) {
      if (names.length > 0 && !names.includes(name)) continue;
      const input = await lab.input(items, method);
      const other = await run(lab, input);
      const history = await lab.handle(typeof other === 'string' ? other : input.order.id).fetchHistory();
      const file = resolve(__dirname, 'histories', `${name}.json`);
      writeFileSync(file, `${withoutMachine(toHistoryJson(history))}\n`);
    }
  } finally {
    await lab.close();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
