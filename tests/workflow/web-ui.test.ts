import { ulid } from 'ulid';
import type { PlaceOrder } from '../../api/orders/schemas';
import type { Order } from '../../domain/orders/order';
import { notificationId } from '../../domain/shared/ids';
import { place } from '../../services/orders/place-order';
import { cancelOrder, DEFAULT_DELIVERY_POLICY, DELIVERY_WORKFLOW } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { apiContext } from '../harness/http/api-context';
import { HeldCalls } from '../harness/workflow/held-calls';
import { inClear, toHistoryJson } from '../harness/workflow/histories';
import { Lab } from '../harness/workflow/lab';

const calls = new HeldCalls();
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open({ provider: calls.wrap });
});
afterAll(() => lab.close());

const body = (): PlaceOrder => ({
  items: [{ sku: 'walnut-desk', quantity: 2 }],
  customer: { email: `ada.${ulid().toLowerCase()}@example.com`, name: 'Ada Byron', phone: '+49 30 7654321' },
  shippingAddress: {
    name: 'Augusta King',
    line1: '12 Ockham Park',
    city: 'Guildford',
    postalCode: 'GU23 6NQ',
    country: 'DE',
  },
  payment: { method: 'pm_card_visa' },
});
const PERSONAL = /ada\.|@example|Ada|Byron|7654321|Augusta|Ockham|Guildford|GU23/;

/** Placed the way the API places it, contact and all. */
async function placed(): Promise<Order> {
  const { order } = await place(
    apiContext({ store: lab.store, temporal: lab.client, queues: lab.queues, policy: lab.policy }),
    {
      body: body(),
      customerId: null,
      caller: 'test',
      placedBy: { kind: 'guest' },
      idempotencyKey: ulid(),
      requestId: 'req_test',
      waitMs: 10_000,
    },
  );
  if (order === null) throw new Error('not decided');
  expect(order.status).toBe('confirmed');
  return order;
}

/** The purposes that the history gives of activities and timers. */
async function summaries(workflowId: string): Promise<(string | undefined)[]> {
  const { events } = await lab.handle(workflowId).fetchHistory();
  return (events ?? [])
    .filter((e) => e.activityTaskScheduledEventAttributes)
    .map((e) => {
      const data = e.userMetadata?.summary?.data;
      return data ? (JSON.parse(Buffer.from(data).toString('utf8')) as string) : undefined;
    });
}

test('the list of workflows says what was ordered for how much', async () => {
  const order = await placed();
  const description = await lab.handle(order.id).describe();
  expect(await description.staticSummary()).toMatch(/^2 × walnut-desk, .*\d/);
});

test('the page of a workflow stays true from placement to the end', async () => {
  const order = await placed();
  const { id } = order;
  expect(await lab.currentDetails(id)).toContain('**confirmed** · payment paid · unfulfilled');
  expect(await lab.currentDetails(id)).toContain('| walnut-desk | 2 |');

  const refund = calls.hold(id, 'refund');
  await lab.handle(id).signal(cancelOrder, { reason: 'wrong colour', requestedBy: 'desk 4' });
  await refund.reached;
  const cancelling = await lab.currentDetails(id);
  expect(cancelling).toContain('**cancelling** · payment refund_pending');
  expect(cancelling).toMatch(/Cancellation asked for by signal \(claims: desk 4\) at .*: wrong colour/);
  refund.release();
  await lab.handle(id).result();

  expect(await lab.currentDetails(id)).toContain('**cancelled** · payment refunded');
  expect(await summaries(id)).toEqual(['take the payment', 'give back the payment']);
});

test('a rejected order says why on its page', async () => {
  const input = await lab.input({ 'walnut-desk': 1, 'limited-1': 2 });
  await lab.place(input);
  const details = await lab.currentDetails(input.order.id);
  expect(details).toContain('**rejected** · payment none');
  expect(details).toContain('Rejected: out_of_stock');
});

test('orders are found by their search attributes, and these follow the order', async () => {
  const order = await placed();
  const { id, customerId, totalMinor, currency } = order;
  const found = async (status: string, payment: string) => {
    const query = `OrderStatus="${status}" AND PaymentStatus="${payment}" AND CustomerId="${customerId}"
      AND OrderTotal=${totalMinor} AND OrderCurrency="${currency}" AND NeedsAttention=false`;
    for await (const { workflowId } of lab.client.workflow.list({ query }))
      if (workflowId === id) return true;
    return false;
  };
  await eventually('the confirmed order in the list', () => found('confirmed', 'paid'));

  await lab.handle(id).signal(cancelOrder);
  await lab.handle(id).result();

  await eventually('the cancelled order in the list', () => found('cancelled', 'refunded'));
  expect(await found('confirmed', 'paid')).toBe(false);
});

test('no history has personal data in it: not the order, not its delivery', async () => {
  const order = await placed();
  const { id } = order;
  const contact = await lab.store.contacts.ofOrder(id);
  expect(JSON.stringify(contact)).toMatch(PERSONAL);
  await lab.handle(id).signal(cancelOrder);
  await lab.handle(id).result();

  const eventKey = `${id}:cancelled`;
  const ntf = notificationId(eventKey, 'email');
  await lab.store.db.write((tx) =>
    lab.store.notifications.queue(
      [{ id: ntf, subject: id, eventKey, kind: 'order_cancelled', channel: 'email' }],
      Date.now(),
      tx,
    ),
  );
  const delivery = `deliver:${eventKey}`;
  const input = { notificationIds: [ntf], queue: lab.queues.notifications, policy: DEFAULT_DELIVERY_POLICY };
  await lab.client.workflow.execute(DELIVERY_WORKFLOW, {
    workflowId: delivery,
    taskQueue: lab.queues.notifications,
    args: [input],
  });
  expect(lab.mails.some((mail) => mail.to.address === contact?.email)).toBe(true);
  expect(await summaries(delivery)).toEqual(['send 1 notifications']);

  for (const workflowId of [id, delivery]) {
    const history = inClear(toHistoryJson(await lab.handle(workflowId).fetchHistory()));
    expect(history).toContain(id);
    expect(history).not.toMatch(PERSONAL);
  }
  const { memo, searchAttributes } = await lab.handle(id).describe();
  expect(JSON.stringify([memo, searchAttributes])).not.toMatch(PERSONAL);
  expect(await lab.currentDetails(id)).not.toMatch(PERSONAL);
  expect(JSON.stringify(await lab.store.log.ofOrder(id))).not.toMatch(PERSONAL);
});
