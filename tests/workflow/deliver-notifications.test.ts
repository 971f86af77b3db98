import { ulid } from 'ulid';
import type { Actor } from '../../domain/orders/order';
import { notificationId } from '../../domain/shared/ids';
import { MailError } from '../../integrations/smtp/mail-error';
import type { Mailer, MailMessage } from '../../integrations/smtp/mailer';
import { DEFAULT_DELIVERY_POLICY, DELIVERY_WORKFLOW, type DeliveryPolicy } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

/** A mail server of which each test decides what it does with the mails to one person. */
const sentMails: MailMessage[] = [];
const mailBehaviors = new Map<string, (mail: MailMessage) => Promise<void>>();
const mailer: Mailer = {
  async send(mail) {
    await mailBehaviors.get(mail.to.address)?.(mail);
    sentMails.push(mail);
  },
  close: async () => undefined,
};

let testEnv: WorkflowTestEnv;
beforeAll(async () => {
  testEnv = await WorkflowTestEnv.create({ mailer });
});
afterAll(() => testEnv.close());

/** A confirmed order, placed by a machine, with its contact and the notification of its confirmation. */
async function queueNotification(): Promise<{ id: string; orderId: string; email: string }> {
  const placedBy: Actor = { kind: 'machine', id: 'key_test' };
  const { id: orderId, customerId } = await testEnv.placeOrder({
    ...(await testEnv.createOrderInput()),
    placedBy,
  });
  const email = `${ulid().toLowerCase()}@example.com`;
  const eventKey = `${orderId}:confirmed`;
  const id = notificationId(eventKey, 'email');
  await testEnv.store.db.write(async (tx) => {
    await testEnv.store.contacts.addOrderContact(
      { orderId, customerId, email, name: 'Ada Byron', phone: null, shippingAddress: null },
      tx,
    );
    const n = { id, subject: orderId, eventKey, kind: 'order_confirmed', channel: 'email' } as const;
    await testEnv.store.notifications.enqueue([n], Date.now(), tx);
  });
  return { id, orderId, email };
}

const POLICY: DeliveryPolicy = { ...DEFAULT_DELIVERY_POLICY, retryInitialMs: 50, retryMaxMs: 200 };

const deliverNotifications = (notificationIds: string[], policy: Partial<DeliveryPolicy> = {}) =>
  testEnv.client.workflow.execute(DELIVERY_WORKFLOW, {
    workflowId: `deliver:${ulid()}`,
    taskQueue: testEnv.queues.notifications,
    args: [{ notificationIds, queue: testEnv.queues.notifications, policy: { ...POLICY, ...policy } }],
  });

const listMailsTo = (email: string) => sentMails.filter((mail) => mail.to.address === email);
const listNotificationEvents = async (orderId: string) =>
  (await testEnv.listEventTypes(orderId)).filter((type) => /^Notification/.test(type));

test('a queued notification is sent once, also when it is handed over again', async () => {
  const { id, orderId, email } = await queueNotification();

  await deliverNotifications([id]);
  await deliverNotifications([id]);

  expect(listMailsTo(email)).toHaveLength(1);
  expect(listMailsTo(email)[0]).toMatchObject({
    to: { name: 'Ada Byron' },
    text: expect.stringContaining(orderId),
  });
  expect(await testEnv.store.notifications.find(id)).toMatchObject({ state: 'sent', attempts: 1 });
  expect(await listNotificationEvents(orderId)).toEqual(['NotificationSent']);
});

test('a mail server that is away is asked again until it is back', async () => {
  const { id, orderId, email } = await queueNotification();
  let failures = 3;
  mailBehaviors.set(email, async () => {
    failures -= 1;
    if (failures >= 0) throw new MailError('connection_failed', false);
  });

  await deliverNotifications([id]);

  expect(listMailsTo(email)).toHaveLength(1);
  expect(await testEnv.store.notifications.find(id)).toMatchObject({ state: 'sent', attempts: 4 });
  expect(await listNotificationEvents(orderId)).toEqual(['NotificationSent']);
});

test('a recipient that is refused for good fails at once, and the others get their mail', async () => {
  const [bad, good] = [await queueNotification(), await queueNotification()];
  mailBehaviors.set(bad.email, () => Promise.reject(new MailError('recipient_refused', true, '550 5.1.1')));

  await deliverNotifications([bad.id, good.id]);

  expect(listMailsTo(bad.email)).toEqual([]);
  expect(await testEnv.store.notifications.find(bad.id)).toMatchObject({
    state: 'failed',
    attempts: 1,
    lastError: 'recipient_refused',
  });
  expect(await listNotificationEvents(bad.orderId)).toEqual(['NotificationFailed']);
  expect(listMailsTo(good.email)).toHaveLength(1);
  expect(await listNotificationEvents(good.orderId)).toEqual(['NotificationSent']);
});

test('what cannot be sent by the deadline counts as failed', async () => {
  const { id, orderId, email } = await queueNotification();
  mailBehaviors.set(email, () => Promise.reject(new MailError('connection_failed', false)));

  await deliverNotifications([id], { deadlineMs: 600 });

  expect(await testEnv.store.notifications.find(id)).toMatchObject({
    state: 'failed',
    lastError: 'deadline',
  });
  expect(await listNotificationEvents(orderId)).toEqual(['NotificationFailed']);
});

test('a delivery that is cancelled counts what is left as failed', async () => {
  const { id, orderId, email } = await queueNotification();
  mailBehaviors.set(email, () => Promise.reject(new MailError('connection_failed', false)));
  const workflowId = `deliver:${ulid()}`;
  const handle = await testEnv.client.workflow.start(DELIVERY_WORKFLOW, {
    workflowId,
    taskQueue: testEnv.queues.notifications,
    args: [{ notificationIds: [id], queue: testEnv.queues.notifications, policy: POLICY }],
  });
  await eventually('a second attempt', async () => (await testEnv.getActivityAttempt(workflowId)) >= 2);

  await handle.cancel();
  await handle.result();

  expect(await testEnv.store.notifications.find(id)).toMatchObject({
    state: 'failed',
    lastError: 'cancelled',
  });
  expect(await listNotificationEvents(orderId)).toEqual(['NotificationFailed']);
});

test('a delivery that is cancelled before a worker has begun it counts all of it as failed', async () => {
  const { id, orderId } = await queueNotification();
  await testEnv.stopWorkers();
  const handle = await testEnv.client.workflow.start(DELIVERY_WORKFLOW, {
    workflowId: `deliver:${ulid()}`,
    taskQueue: testEnv.queues.notifications,
    args: [{ notificationIds: [id], queue: testEnv.queues.notifications, policy: POLICY }],
  });
  await handle.cancel();

  await testEnv.startWorkers();
  await handle.result();

  expect(await testEnv.store.notifications.find(id)).toMatchObject({
    state: 'failed',
    lastError: 'cancelled',
  });
  expect(await listNotificationEvents(orderId)).toEqual(['NotificationFailed']);
});

test('a mail whose outcome is unknown goes out again under the same Message-ID', async () => {
  const { id, orderId, email } = await queueNotification();
  let lost = false;
  mailBehaviors.set(email, async (mail) => {
    if (lost) return;
    lost = true;
    sentMails.push(mail);
    throw new MailError('timeout', false);
  });

  await deliverNotifications([id]);

  expect(listMailsTo(email)).toHaveLength(2);
  expect(new Set(listMailsTo(email).map((mail) => mail.messageId)).size).toBe(1);
  expect(await listNotificationEvents(orderId)).toEqual(['NotificationSent']);
});

test('two deliveries of the same notifications at once send one mail each', async () => {
  const both = [await queueNotification(), await queueNotification()];
  const ids = both.map((n) => n.id);

  await Promise.all([deliverNotifications(ids), deliverNotifications(ids)]);

  for (const { email, orderId } of both) {
    expect(listMailsTo(email)).toHaveLength(1);
    expect(await listNotificationEvents(orderId)).toEqual(['NotificationSent']);
  }
});

test('an order whose contact was erased gets no mail, and the log says why', async () => {
  const { id: orderId } = await testEnv.placeOrder(await testEnv.createOrderInput());
  const eventKey = `${orderId}:confirmed`;
  const id = notificationId(eventKey, 'email');
  await testEnv.store.db.write((tx) =>
    testEnv.store.notifications.enqueue(
      [{ id, subject: orderId, eventKey, kind: 'order_confirmed', channel: 'email' }],
      Date.now(),
      tx,
    ),
  );

  await deliverNotifications([id]);

  expect(await testEnv.store.notifications.find(id)).toMatchObject({
    state: 'failed',
    lastError: 'no_recipient',
  });
});
