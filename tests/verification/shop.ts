import { execute, type Params, select } from '../../db/core/sql';
import { createAuditReads } from '../../db/verification/audit';
import { createStockAuditReads } from '../../db/verification/audit-stock';
import type { Order } from '../../domain/orders/order';
import { readWorkflowHistory } from '../../integrations/temporal/history';
import type { CheckCode, Finding } from '../../verification/findings';
import { type Verified, type VerifyParts, verify } from '../../verification/verify';
import { cancelOrder, ORDER_WORKFLOW } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { TEST_AUDIT_KEY } from '../harness/servers/databases';
import type { Lab } from '../harness/workflow/lab';

const TEST_TIMEOUT_MS = 240_000;
jest.setTimeout(TEST_TIMEOUT_MS);

/** What stands still needs no patience. */
const PAUSE_MS = 10;

export const partsOf = (lab: Lab): VerifyParts => ({
  store: lab.store,
  reads: createAuditReads(lab.store.db),
  stockReads: createStockAuditReads(lab.store.db),
  auditKey: TEST_AUDIT_KEY,
  provider: lab.provider,
  temporal: lab.client,
  taskQueue: lab.queues.orders,
});

/** Subject → what was found of it, each code once. */
export type Blamed = Record<string, CheckCode[]>;

/** Runs the check on a shop that stands still. */
export async function audit(
  lab: Lab,
  orderIds?: string[],
  changes: Partial<VerifyParts> = {},
): Promise<{ verified: Verified; blamed: Blamed }> {
  const findings: Finding[] = [];
  const parts = { ...partsOf(lab), pauseMs: PAUSE_MS, ...changes };
  const verified = await verify(parts, (finding) => findings.push(finding), orderIds);
  return { verified, blamed: blamedBy(findings) };
}

export function blamedBy(findings: readonly Finding[]): Blamed {
  const blamed: Blamed = {};
  for (const { subject, check } of findings) {
    blamed[subject] = [...new Set([...(blamed[subject] ?? []), check])].sort();
  }
  return blamed;
}

/** Orders of one lab in every state they can rest in. */
export const orders = {
  confirmed: async (lab: Lab, sku = 'walnut-desk', quantity = 1) =>
    lab.place(await lab.input({ [sku]: quantity })),

  declined: async (lab: Lab) =>
    lab.place(await lab.input({ 'walnut-desk': 1 }, 'pm_card_visa_chargeDeclined')),

  outOfStock: async (lab: Lab) => lab.place(await lab.input({ 'limited-1': 2 })),

  async cancelledAfterPayment(lab: Lab, sku = 'walnut-desk'): Promise<Order> {
    const { id } = await orders.confirmed(lab, sku);
    await lab.handle(id).signal(cancelOrder, { reason: 'changed my mind' });
    return ended(lab, id);
  },

  async cancelledBeforePayment(lab: Lab): Promise<Order> {
    const input = await lab.input();
    await lab.client.workflow.signalWithStart(ORDER_WORKFLOW, {
      workflowId: input.order.id,
      taskQueue: lab.queues.orders,
      args: [input],
      signal: cancelOrder,
      signalArgs: [{ reason: 'at once' }],
    });
    return ended(lab, input.order.id);
  },

  /** The provider takes the money and its answers are lost, until the order is given up and the money given back. */
  async rejectedAfterLostAnswer(lab: Lab): Promise<Order> {
    const input = await lab.input();
    const { id } = input.order;
    await lab.fault({ operation: 'confirm', mode: 'drop_after', match: { orderId: id } });
    await lab.place({ ...input, policy: { ...input.policy, paymentDeadlineMs: 700 } });
    return ended(lab, id);
  },

  /** The provider refuses to refund, for as long as the lab is open. */
  async cancelling(lab: Lab): Promise<Order> {
    const { id } = await orders.confirmed(lab);
    await lab.fault({ operation: 'refund', mode: 'fail_before', match: { orderId: id } });
    await lab.handle(id).signal(cancelOrder);
    return eventually('the order needs attention, and its history knows', async () => {
      const order = await lab.store.orders.find(id);
      const { anchors } = await readWorkflowHistory(lab.client, id);
      return order?.attention != null && anchors.has((await lab.story(id)).length) && order;
    });
  },
};

async function ended(lab: Lab, id: string): Promise<Order> {
  await lab.handle(id).result();
  return (await lab.store.orders.find(id)) as Order;
}

/** Gives every event its position, as the sequencer does. */
export async function publish(lab: Lab): Promise<void> {
  const { feed } = lab.store;
  const lease = { name: 'sequencer', holder: 'test', nowMs: Date.now() };
  await feed.lease(lease.name, lease.holder, lease.nowMs, TEST_TIMEOUT_MS);
  while ((await feed.publish(lease, 500)) > 0);
}

/** One statement of somebody with all rights. */
export async function sql(lab: Lab, statement: string, params: Params = {}): Promise<void> {
  const { db } = lab.store;
  await db.write((tx) => execute(db, statement, params, tx));
}

/** Takes away what keeps the log and the ledger from being rewritten. */
export async function dropGuards(lab: Lab): Promise<void> {
  for (const table of ['events', 'payment_ledger', 'stock_movements']) {
    for (const change of ['update', 'delete']) await sql(lab, `DROP TRIGGER ${table}_no_${change}`);
  }
}

export async function one<Row extends object>(lab: Lab, query: string, params: Params): Promise<Row> {
  const [row] = await select<Row>(lab.store.db, query, params);
  if (row === undefined) throw new Error(`nothing found: ${query}`);
  return row;
}

/** Name of the position that an event of the stream has in the feed, as findings call it. */
export async function positionOf(lab: Lab, stream: string, seq: number): Promise<string> {
  const { position } = await one<{ position: number }>(
    lab,
    'SELECT f.position FROM event_feed f JOIN events e ON e.id = f.event_id WHERE e.stream = :stream AND e.seq = :seq',
    { stream, seq },
  );
  return `position ${position}`;
}

/** Deletes every row that names the order, and what claims its stock, so that nothing else disagrees. */
export async function dropAllOf(lab: Lab, id: string): Promise<void> {
  const held = await select<{ sku: string; warehouse: string; quantity: number }>(
    lab.store.db,
    "SELECT sku, warehouse, quantity FROM reservations WHERE order_id = :id AND state = 'held'",
    { id },
  );
  for (const of of held) {
    const free =
      'UPDATE stock SET reserved = reserved - :quantity WHERE sku = :sku AND warehouse = :warehouse';
    await sql(lab, free, of);
  }
  const events = '(SELECT id FROM events WHERE stream = :id)';
  for (const rows of [
    `event_outbox WHERE event_id IN ${events}`,
    'events WHERE stream = :id',
    'event_streams WHERE stream = :id',
    'orders WHERE id = :id',
    'order_lines WHERE order_id = :id',
    'reservations WHERE order_id = :id',
    'payment_ledger WHERE order_id = :id',
  ]) {
    await sql(lab, `DELETE FROM ${rows}`, { id });
  }
}

/** Makes the head fit the last event there is. */
export async function fitHead(lab: Lab, stream: string): Promise<void> {
  await sql(
    lab,
    `UPDATE event_streams SET
       hash = (SELECT hash FROM events WHERE stream = :stream ORDER BY seq DESC LIMIT 1),
       seq = (SELECT MAX(seq) FROM events WHERE stream = :stream)
     WHERE stream = :stream`,
    { stream },
  );
}
