import { ulid } from 'ulid';
import type { Actor } from '../../domain/orders/order';
import { notificationId } from '../../domain/shared/ids';
import { MailError } from '../../integrations/smtp/mail-error';
import { MAX_CONNECTIONS, type Mailer, type MailMessage } from '../../integrations/smtp/mailer';
import {
  DEFAULT_DELIVERY_POLICY,
  DELIVERY_WORKFLOW,
  type DeliveryPolicy,
} from '../../workflows/notifications/messages';
import { eventually } from '../harness/eventually';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';

/** A mail server whose behaviour per recipient is set by each test. */
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

interface QueuedMail {
  id: string;
  orderId: string;
  email: string;
}

/** Places an order by a machine, adds its contact and queues its confirmation mail. */
async function queueNotification(): Promise<QueuedMail> {
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

test('sends a queued notification once, also when it is delivered again', async () => {
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

test('retries until an unavailable mail server recovers', async () => {
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

test('fails a permanently rejected recipient at once, and sends the other mails', async () => {
  const [rejected, accepted] = [await queueNotification(), await queueNotification()];
  mailBehaviors.set(rejected.email, () =>
    Promise.reject(new MailError('recipient_refused', true, '550 5.1.1')),
  );

  await deliverNotifications([rejected.id, accepted.id]);

  expect(listMailsTo(rejected.email)).toEqual([]);
  expect(await testEnv.store.notifications.find(rejected.id)).toMatchObject({
    state: 'failed',
    attempts: 1,
    lastError: 'recipient_refused',
  });
  expect(await listNotificationEvents(rejected.orderId)).toEqual(['NotificationFailed']);
  expect(listMailsTo(accepted.email)).toHaveLength(1);
  expect(await listNotificationEvents(accepted.orderId)).toEqual(['NotificationSent']);
});

test('a batch with good and bad recipients sends each good mail once and settles all', async () => {
  // More than one batch of the activity.
  const queued: QueuedMail[] = [];
  for (let n = 0; n < 20; n += 1) queued.push(await queueNotification());
  const [rejected, deferred] = [queued.slice(0, 3), queued.slice(3, 6)];
  for (const { email } of rejected) {
    mailBehaviors.set(email, () => Promise.reject(new MailError('recipient_refused', true, '550')));
  }
  const attempted = new Set<string>();
  for (const { email } of deferred) {
    mailBehaviors.set(email, async () => {
      if (attempted.has(email)) return;
      attempted.add(email);
      throw new MailError('recipient_refused', false, '451');
    });
  }

  await deliverNotifications(queued.map(({ id }) => id));

  for (const mail of queued) {
    const isRejected = rejected.includes(mail);
    expect(listMailsTo(mail.email)).toHaveLength(isRejected ? 0 : 1);
    expect(await testEnv.store.notifications.find(mail.id)).toMatchObject({
      state: isRejected ? 'failed' : 'sent',
      attempts: deferred.includes(mail) ? 2 : 1,
      lastError: isRejected ? 'recipient_refused' : null,
    });
    expect(await listNotificationEvents(mail.orderId)).toEqual([
      isRejected ? 'NotificationFailed' : 'NotificationSent',
    ]);
  }
});

test('sends the mails of one order in the order of its events', async () => {
  const confirmed = await queueNotification();
  const { orderId } = confirmed;
  const eventKey = `${orderId}:cancelled`;
  const id = notificationId(eventKey, 'email');
  await testEnv.store.db.write((tx) =>
    testEnv.store.notifications.enqueue(
      [{ id, subject: orderId, eventKey, kind: 'order_cancelled', channel: 'email' }],
      Date.now(),
      tx,
    ),
  );
  let inDelivery = 0;
  const inDeliveryAtStart: number[] = [];
  mailBehaviors.set(confirmed.email, async () => {
    inDeliveryAtStart.push(inDelivery);
    inDelivery += 1;
    await new Promise(setImmediate);
    inDelivery -= 1;
  });

  await deliverNotifications([confirmed.id, id]);

  expect(listMailsTo(confirmed.email).map(({ subject }) => subject.split(' (')[0])).toEqual([
    'Your order is confirmed',
    'Your order was cancelled',
  ]);
  expect(inDeliveryAtStart).toEqual([0, 0]);
});

test('stops after the first error of an unavailable server, and sends all when it recovers', async () => {
  const queued: QueuedMail[] = [];
  for (let n = 0; n < 12; n += 1) queued.push(await queueNotification());
  const failed: string[] = [];
  for (const { email } of queued) {
    mailBehaviors.set(email, async () => {
      if (failed.length === 2 * MAX_CONNECTIONS) return;
      failed.push(email);
      throw new MailError('connection_failed', false);
    });
  }

  await deliverNotifications(queued.map(({ id }) => id));

  // Each attempt of the activity fails with the mails already in delivery, always the first ones.
  expect(new Set(failed).size).toBe(MAX_CONNECTIONS);
  for (const { email } of queued) expect(listMailsTo(email)).toHaveLength(1);
});

test('marks a notification failed that is not sent by the deadline', async () => {
  const { id, orderId, email } = await queueNotification();
  mailBehaviors.set(email, () => Promise.reject(new MailError('connection_failed', false)));

  await deliverNotifications([id], { deadlineMs: 600 });

  expect(await testEnv.store.notifications.find(id)).toMatchObject({
    state: 'failed',
    lastError: 'deadline',
  });
  expect(await listNotificationEvents(orderId)).toEqual(['NotificationFailed']);
});

test('a cancelled delivery marks its unsent notifications failed', async () => {
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

test('a delivery cancelled before a worker starts it marks all notifications failed', async () => {
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

test('sends a mail with an unknown outcome again, with the same Message-ID', async () => {
  const { id, orderId, email } = await queueNotification();
  let hasTimedOut = false;
  mailBehaviors.set(email, async (mail) => {
    if (hasTimedOut) return;
    hasTimedOut = true;
    sentMails.push(mail);
    throw new MailError('timeout', false);
  });

  await deliverNotifications([id]);

  expect(listMailsTo(email)).toHaveLength(2);
  expect(new Set(listMailsTo(email).map((mail) => mail.messageId)).size).toBe(1);
  expect(await listNotificationEvents(orderId)).toEqual(['NotificationSent']);
});

test('two concurrent deliveries of the same notifications send one mail each', async () => {
  const notifications = [await queueNotification(), await queueNotification()];
  const ids = notifications.map((n) => n.id);

  await Promise.all([deliverNotifications(ids), deliverNotifications(ids)]);

  for (const { email, orderId } of notifications) {
    expect(listMailsTo(email)).toHaveLength(1);
    expect(await listNotificationEvents(orderId)).toEqual(['NotificationSent']);
  }
});

test('sends no mail for an order with an erased contact, and stores the reason', async () => {
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
