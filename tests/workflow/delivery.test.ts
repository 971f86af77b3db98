import { ulid } from 'ulid';
import type { Actor } from '../../domain/orders/order';
import { notificationId } from '../../domain/shared/ids';
import { MailError } from '../../integrations/smtp/mail-error';
import type { Mailer, MailMessage } from '../../integrations/smtp/mailer';
import { DEFAULT_DELIVERY_POLICY, DELIVERY_WORKFLOW, type DeliveryPolicy } from '../../workflows/messages';
import { eventually } from '../harness/eventually';
import { Lab } from '../harness/workflow/lab';

/** A mail server of which each test decides what it does with the mails to one person. */
const sent: MailMessage[] = [];
const behaviour = new Map<string, (mail: MailMessage) => Promise<void>>();
const mailer: Mailer = {
  async send(mail) {
    await behaviour.get(mail.to.address)?.(mail);
    sent.push(mail);
  },
  close: async () => undefined,
};

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open({ mailer });
});
afterAll(() => lab.close());

/** A confirmed order, placed by a machine, with its contact and the notification of its confirmation. */
async function queued(): Promise<{ id: string; orderId: string; email: string }> {
  const placedBy: Actor = { kind: 'machine', id: 'key_test' };
  const { id: orderId, customerId } = await lab.place({ ...(await lab.input()), placedBy });
  const email = `${ulid().toLowerCase()}@example.com`;
  const eventKey = `${orderId}:confirmed`;
  const id = notificationId(eventKey, 'email');
  await lab.store.db.write(async (tx) => {
    await lab.store.contacts.addToOrder(
      { orderId, customerId, email, name: 'Ada Byron', phone: null, shippingAddress: null },
      tx,
    );
    const n = { id, subject: orderId, eventKey, kind: 'order_confirmed', channel: 'email' } as const;
    await lab.store.notifications.queue([n], Date.now(), tx);
  });
  return { id, orderId, email };
}

const POLICY: DeliveryPolicy = { ...DEFAULT_DELIVERY_POLICY, retryInitialMs: 50, retryMaxMs: 200 };

const deliver = (notificationIds: string[], policy: Partial<DeliveryPolicy> = {}) =>
  lab.client.workflow.execute(DELIVERY_WORKFLOW, {
    workflowId: `deliver:${ulid()}`,
    taskQueue: lab.queues.notifications,
    args: [{ notificationIds, queue: lab.queues.notifications, policy: { ...POLICY, ...policy } }],
  });

const mailsTo = (email: string) => sent.filter((mail) => mail.to.address === email);
const told = async (orderId: string) =>
  (await lab.story(orderId)).filter((type) => /^Notification/.test(type));

test('a queued notification is sent once, also when it is handed over again', async () => {
  const { id, orderId, email } = await queued();

  await deliver([id]);
  await deliver([id]);

  expect(mailsTo(email)).toHaveLength(1);
  expect(mailsTo(email)[0]).toMatchObject({
    to: { name: 'Ada Byron' },
    text: expect.stringContaining(orderId),
  });
  expect(await lab.store.notifications.find(id)).toMatchObject({ state: 'sent', attempts: 1 });
  expect(await told(orderId)).toEqual(['NotificationSent']);
});

test('a mail server that is away is asked again until it is back', async () => {
  const { id, orderId, email } = await queued();
  let failures = 3;
  behaviour.set(email, async () => {
    failures -= 1;
    if (failures >= 0) throw new MailError('connection_failed', false);
  });

  await deliver([id]);

  expect(mailsTo(email)).toHaveLength(1);
  expect(await lab.store.notifications.find(id)).toMatchObject({ state: 'sent', attempts: 4 });
  expect(await told(orderId)).toEqual(['NotificationSent']);
});

test('a recipient that is refused for good fails at once, and the others get their mail', async () => {
  const [bad, good] = [await queued(), await queued()];
  behaviour.set(bad.email, () => Promise.reject(new MailError('recipient_refused', true, '550 5.1.1')));

  await deliver([bad.id, good.id]);

  expect(mailsTo(bad.email)).toEqual([]);
  expect(await lab.store.notifications.find(bad.id)).toMatchObject({
    state: 'failed',
    attempts: 1,
    lastError: 'recipient_refused',
  });
  expect(await told(bad.orderId)).toEqual(['NotificationFailed']);
  expect(mailsTo(good.email)).toHaveLength(1);
  expect(await told(good.orderId)).toEqual(['NotificationSent']);
});

test('what cannot be sent by the deadline counts as failed', async () => {
  const { id, orderId, email } = await queued();
  behaviour.set(email, () => Promise.reject(new MailError('connection_failed', false)));

  await deliver([id], { deadlineMs: 600 });

  expect(await lab.store.notifications.find(id)).toMatchObject({ state: 'failed', lastError: 'deadline' });
  expect(await told(orderId)).toEqual(['NotificationFailed']);
});

test('a delivery that is cancelled counts what is left as failed', async () => {
  const { id, orderId, email } = await queued();
  behaviour.set(email, () => Promise.reject(new MailError('connection_failed', false)));
  const workflowId = `deliver:${ulid()}`;
  const handle = await lab.client.workflow.start(DELIVERY_WORKFLOW, {
    workflowId,
    taskQueue: lab.queues.notifications,
    args: [{ notificationIds: [id], queue: lab.queues.notifications, policy: POLICY }],
  });
  await eventually('a second attempt', async () => (await lab.attempt(workflowId)) >= 2);

  await handle.cancel();
  await handle.result();

  expect(await lab.store.notifications.find(id)).toMatchObject({ state: 'failed', lastError: 'cancelled' });
  expect(await told(orderId)).toEqual(['NotificationFailed']);
});

test('a delivery that is cancelled before a worker has begun it counts all of it as failed', async () => {
  const { id, orderId } = await queued();
  await lab.stopWorkers();
  const handle = await lab.client.workflow.start(DELIVERY_WORKFLOW, {
    workflowId: `deliver:${ulid()}`,
    taskQueue: lab.queues.notifications,
    args: [{ notificationIds: [id], queue: lab.queues.notifications, policy: POLICY }],
  });
  await handle.cancel();

  await lab.startWorkers();
  await handle.result();

  expect(await lab.store.notifications.find(id)).toMatchObject({ state: 'failed', lastError: 'cancelled' });
  expect(await told(orderId)).toEqual(['NotificationFailed']);
});

test('a mail whose outcome is unknown goes out again under the same Message-ID', async () => {
  const { id, orderId, email } = await queued();
  let lost = false;
  behaviour.set(email, async (mail) => {
    if (lost) return;
    lost = true;
    sent.push(mail);
    throw new MailError('timeout', false);
  });

  await deliver([id]);

  expect(mailsTo(email)).toHaveLength(2);
  expect(new Set(mailsTo(email).map((mail) => mail.messageId)).size).toBe(1);
  expect(await told(orderId)).toEqual(['NotificationSent']);
});

test('two deliveries of the same notifications at once send one mail each', async () => {
  const both = [await queued(), await queued()];
  const ids = both.map((n) => n.id);

  await Promise.all([deliver(ids), deliver(ids)]);

  for (const { email, orderId } of both) {
    expect(mailsTo(email)).toHaveLength(1);
    expect(await told(orderId)).toEqual(['NotificationSent']);
  }
});

test('an order whose contact was erased gets no mail, and the log says why', async () => {
  const { id: orderId } = await lab.place(await lab.input());
  const eventKey = `${orderId}:confirmed`;
  const id = notificationId(eventKey, 'email');
  await lab.store.db.write((tx) =>
    lab.store.notifications.queue(
      [{ id, subject: orderId, eventKey, kind: 'order_confirmed', channel: 'email' }],
      Date.now(),
      tx,
    ),
  );

  await deliver([id]);

  expect(await lab.store.notifications.find(id)).toMatchObject({
    state: 'failed',
    lastError: 'no_recipient',
  });
});
