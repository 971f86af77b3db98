import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { toHistoryJson } from '../tests/support/histories';
import { Lab } from '../tests/support/lab';
import { cancelOrder, ORDER_WORKFLOW, type OrderInput } from '../workflows/messages';

/** Records the histories that the replay suite runs again. See tests/replay/README.md. */

type Story = (lab: Lab, input: OrderInput) => Promise<unknown>;

const place: Story = (lab, input) => lab.place(input);

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
};

/** Temporal notes which process did what, by its number and the name of its machine. */
const withoutMachine = (json: string): string => json.replace(/"\d+@[^"]*"/g, '"recorder"');

async function main(): Promise<void> {
  const lab = await Lab.open();
  try {
    for (const [name, { items, method, run }] of Object.entries(STORIES)) {
      const input = await lab.input(items, method);
      await run(lab, input);
      const history = await lab.handle(input.order.id).fetchHistory();
      const file = resolve(__dirname, '../tests/replay/histories', `${name}.json`);
      writeFileSync(file, `${withoutMachine(toHistoryJson(history))}\n`);
    }
  } finally {
    await lab.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
