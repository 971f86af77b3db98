import { ulid } from 'ulid';
import type { PlaceOrderRequest } from '../../api/orders/schemas';
import type { Order } from '../../domain/orders/order';
import { notificationId } from '../../domain/shared/ids';
import { requestPlacement } from '../../services/orders/place-order';
import { DEFAULT_DELIVERY_POLICY, DELIVERY_WORKFLOW } from '../../workflows/notifications/messages';
import { cancelOrder } from '../../workflows/orders/messages';
import { eventually } from '../harness/eventually';
import { createApiContext } from '../harness/http/api-context';
import { decodePayloads, toHistoryJson } from '../harness/workflow/histories';
import { PaymentCallInterceptor } from '../harness/workflow/payment-call-interceptor';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

const paymentCalls = new PaymentCallInterceptor();
let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create({ wrapProvider: paymentCalls.wrapProvider });
});
afterEach(() => paymentCalls.resumeAll());
afterAll(() => testEnv.close());

const buildRequestBody = (): PlaceOrderRequest => ({
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
const PERSONAL_DATA = /ada\.|@example|Ada|Byron|7654321|Augusta|Ockham|Guildford|GU23/;

/** Places an order with its contact, as the API does. */
async function placeOrderViaApi(): Promise<Order> {
  const { order } = await requestPlacement(
    createApiContext({
      store: testEnv.store,
      temporal: testEnv.client,
      queues: testEnv.queues,
      policy: testEnv.policy,
    }),
    {
      body: buildRequestBody(),
      customerId: null,
      caller: 'test',
      placedBy: { kind: 'guest' },
      idempotencyKey: ulid(),
      waitMs: 10_000,
    },
  );
  if (order === null) throw new Error('The order was not decided in time.');
  expect(order.status).toBe('confirmed');
  return order;
}

/** @returns the summaries of the activities in a history. */
async function listActivitySummaries(workflowId: string): Promise<(string | undefined)[]> {
  const { events } = await testEnv.getHandle(workflowId).fetchHistory();
  return (events ?? [])
    .filter((e) => e.activityTaskScheduledEventAttributes)
    .map((e) => {
      const data = e.userMetadata?.summary?.data;
      return data ? (JSON.parse(Buffer.from(data).toString('utf8')) as string) : undefined;
    });
}

test('the summary in the list of workflows shows the items and the total', async () => {
  const order = await placeOrderViaApi();
  const description = await testEnv.getHandle(order.id).describe();
  expect(await description.staticSummary()).toMatch(/^2 × walnut-desk, .*\d/);
});

test('the current details follow the order from placement to cancellation', async () => {
  const order = await placeOrderViaApi();
  const { id } = order;
  expect(await testEnv.getCurrentDetails(id)).toContain('**confirmed** · payment paid · unfulfilled');
  expect(await testEnv.getCurrentDetails(id)).toContain('| walnut-desk | 2 |');

  const refund = paymentCalls.pause(id, 'refund');
  await testEnv.getHandle(id).signal(cancelOrder, { reason: 'wrong colour', requestedBy: 'desk 4' });
  await refund.reached;
  const cancelling = await testEnv.getCurrentDetails(id);
  expect(cancelling).toContain('**cancelling** · payment refund_pending');
  expect(cancelling).toMatch(/Cancellation requested by signal \(claims: desk 4\) at .*: wrong colour/);
  refund.resume();
  await testEnv.getHandle(id).result();

  expect(await testEnv.getCurrentDetails(id)).toContain('**cancelled** · payment refunded');
  expect(await listActivitySummaries(id)).toEqual(['capture the payment', 'reverse the payment']);
});

test('the current details of a rejected order show the reason', async () => {
  const input = await testEnv.createOrderInput({ 'walnut-desk': 1, 'limited-1': 2 });
  await testEnv.placeOrder(input);
  const details = await testEnv.getCurrentDetails(input.order.id);
  expect(details).toContain('**rejected** · payment none');
  expect(details).toContain('Rejected: out_of_stock');
});

test('search attributes follow the order', async () => {
  const order = await placeOrderViaApi();
  const { id, customerId, totalMinor, currency } = order;
  const isListed = async (status: string, payment: string) => {
    const query = `OrderStatus="${status}" AND PaymentStatus="${payment}" AND CustomerId="${customerId}"
      AND OrderTotal=${totalMinor} AND OrderCurrency="${currency}" AND NeedsAttention=false`;
    for await (const { workflowId } of testEnv.client.workflow.list({ query }))
      if (workflowId === id) return true;
    return false;
  };
  await eventually('the confirmed order to be listed', () => isListed('confirmed', 'paid'));

  await testEnv.getHandle(id).signal(cancelOrder);
  await testEnv.getHandle(id).result();

  await eventually('the cancelled order to be listed', () => isListed('cancelled', 'refunded'));
  expect(await isListed('confirmed', 'paid')).toBe(false);
});

test('the histories of an order and of its delivery contain no personal data', async () => {
  const order = await placeOrderViaApi();
  const { id } = order;
  const contact = await testEnv.store.contacts.findByOrder(id);
  expect(JSON.stringify(contact)).toMatch(PERSONAL_DATA);
  await testEnv.getHandle(id).signal(cancelOrder);
  await testEnv.getHandle(id).result();

  const eventKey = `${id}:cancelled`;
  const ntf = notificationId(eventKey, 'email');
  await testEnv.store.db.write((tx) =>
    testEnv.store.notifications.enqueue(
      [{ id: ntf, subject: id, eventKey, kind: 'order_cancelled', channel: 'email' }],
      Date.now(),
      tx,
    ),
  );
  const delivery = `deliver:${eventKey}`;
  const input = {
    notificationIds: [ntf],
    queue: testEnv.queues.notifications,
    policy: DEFAULT_DELIVERY_POLICY,
  };
  await testEnv.client.workflow.execute(DELIVERY_WORKFLOW, {
    workflowId: delivery,
    taskQueue: testEnv.queues.notifications,
    args: [input],
  });
  expect(testEnv.mails.some((mail) => mail.to.address === contact?.email)).toBe(true);
  expect(await listActivitySummaries(delivery)).toEqual(['send 1 notifications']);

  for (const workflowId of [id, delivery]) {
    const history = decodePayloads(toHistoryJson(await testEnv.getHandle(workflowId).fetchHistory()));
    expect(history).toContain(id);
    expect(history).not.toMatch(PERSONAL_DATA);
  }
  const { memo, searchAttributes } = await testEnv.getHandle(id).describe();
  expect(JSON.stringify([memo, searchAttributes])).not.toMatch(PERSONAL_DATA);
  expect(await testEnv.getCurrentDetails(id)).not.toMatch(PERSONAL_DATA);
  expect(JSON.stringify(await testEnv.store.log.findByOrder(id))).not.toMatch(PERSONAL_DATA);
});
