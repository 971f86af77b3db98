import type { Order, PlacedOrder } from '../../../api/orders/schemas';
import { eventually } from '../../harness/eventually';
import { DIALECTS } from '../../harness/servers/databases';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, DECLINED_CARD, expectProblem, generateEmail, type Problem } from './orders';

const MAIL_TIMEOUT_MS = 40_000;
const UNVERIFIED_MAILS_PER_HOUR = 3;
const UNAUTHENTICATED = { authorization: '' };

describe.each(DIALECTS)('mails on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect, env: { RATE_LIMIT_MAILBOX: String(UNVERIFIED_MAILS_PER_HOUR) } });
  });
  afterAll(() => system?.close());
  afterEach(() => system.mails.setBehaviour('accept'));

  const waitForMails = (email: string, count: number) =>
    eventually(
      `${count} mails to ${email}`,
      () => {
        const mails = system.mails.listTo(email);
        return mails.length >= count && mails;
      },
      MAIL_TIMEOUT_MS,
    );
  /** @returns type and kind of the order's notification events. */
  const listNotificationEvents = async (id: string) =>
    (await system.getHistory(id)).entries
      .filter((e) => e.type.startsWith('Notification'))
      .map((e) => [e.type, e.event?.data.kind]);
  const waitForNotificationEvents = (id: string, count: number) =>
    eventually(
      `${count} notification events in the history`,
      async () => {
        const events = await listNotificationEvents(id);
        return events.length >= count && events;
      },
      MAIL_TIMEOUT_MS,
    );
  /** Waits until all earlier mails are sent: events are processed in order, so the mail of a new order comes last. */
  const waitForEarlierMails = async () => {
    const email = generateEmail();
    const { body } = await system.placeOrder(buildOrderRequest(undefined, { email }));
    await waitForMails(email, 1);
    await waitForNotificationEvents(body.id, 1);
  };
  const waitForFailedAttempt = (id: string) =>
    eventually(
      `a failed attempt to send the mail of ${id}`,
      () =>
        system
          .readLog()
          .split('\n')
          .some((line) => line.includes(`deliver:${id}`) && line.includes('Activity failed')),
      MAIL_TIMEOUT_MS,
    );
  const placeOrder = async (email: string): Promise<Order> => {
    const { status, body } = await system.placeOrder(buildOrderRequest(undefined, { email }));
    expect(status).toBe(201);
    return body;
  };

  test('sends one mail for a confirmed and one for a cancelled order, as text and HTML', async () => {
    const email = generateEmail();
    const { id } = await placeOrder(email);
    await waitForMails(email, 1);
    await system.request(`/api/orders/${id}/cancel`, { method: 'POST', headers: { prefer: 'wait=20' } });
    await waitForMails(email, 2);
    await waitForEarlierMails();

    const [cancelled, confirmed, ...otherMails] = system.mails.listTo(email);
    expect(otherMails).toEqual([]);
    expect(confirmed?.messageId).toBe(`<ntf.email.${id}.confirmed@orders.example>`);
    expect(cancelled?.messageId).toBe(`<ntf.email.${id}.cancelled@orders.example>`);
    for (const mail of [confirmed, cancelled]) {
      expect(mail?.from).toEqual({ name: 'Durable Orders', address: 'shop@orders.example' });
      expect(mail?.to).toEqual([{ name: 'Ada Byron', address: email }]);
      expect(mail?.text).toContain(id);
      expect(mail?.html).toContain(id);
      expect(mail?.text).toContain('419.00');
      expect(mail?.html).toMatch(/<html/i);
    }
    expect(await listNotificationEvents(id)).toEqual([
      ['NotificationSent', 'order_confirmed'],
      ['NotificationSent', 'order_cancelled'],
    ]);
  });

  test.each([
    ['a declined card', { 'walnut-desk': 1 }, DECLINED_CARD, 'payment_declined'],
    ['an order that exceeds the stock', { 'limited-1': 2 }, undefined, 'order_out_of_stock'],
  ])('sends one mail for %s', async (_label, items, method, kind) => {
    const email = generateEmail();
    const card = method === undefined ? {} : { method };
    const { body } = await system.placeOrder<{ orderId: string }>(
      buildOrderRequest(items, { email, ...card }),
    );
    const [mail] = await waitForMails(email, 1);
    await waitForEarlierMails();
    expect(mail?.messageId).toBe(`<ntf.email.${body.orderId}.rejected@orders.example>`);
    expect(system.mails.listTo(email)).toHaveLength(1);
    expect(await listNotificationEvents(body.orderId)).toEqual([['NotificationSent', kind]]);
  });

  describe('an unauthenticated order for the email address of another person', () => {
    const spam = 'You won: evil.example/prize';
    const buildSpamOrder = (email: string, items: Record<string, number>) => {
      const request = buildOrderRequest(items, { email });
      return { ...request, customer: { ...request.customer, name: spam } };
    };

    test('sends mails without text of the sender', async () => {
      const email = generateEmail();
      const { body: order } = await system.placeOrder<PlacedOrder>(
        buildSpamOrder(email, { 'walnut-desk': 1 }),
        UNAUTHENTICATED,
      );
      await system.request(`/api/orders/${order.id}/cancel`, {
        headers: { authorization: `Bearer ${order.orderToken}` },
        body: { reason: spam },
      });
      const mails = await waitForMails(email, 2);
      expect(JSON.stringify(mails)).not.toContain('evil.example');
      expect(mails.map(({ text }) => text)).toEqual([
        expect.stringContaining('Hello,'),
        expect.stringContaining('Hello,'),
      ]);
    });

    test('sends a limited number of rejection mails per hour', async () => {
      const email = generateEmail();
      const ids: string[] = [];
      for (let n = 0; n < UNVERIFIED_MAILS_PER_HOUR + 2; n += 1) {
        const response = await system.placeOrder<Problem>(
          buildSpamOrder(email, { 'limited-1': 2 }),
          UNAUTHENTICATED,
        );
        expectProblem(response, 409, 'out_of_stock');
        ids.push(String(response.body.orderId));
      }
      await waitForMails(email, UNVERIFIED_MAILS_PER_HOUR);
      await waitForEarlierMails();
      expect(system.mails.listTo(email)).toHaveLength(UNVERIFIED_MAILS_PER_HOUR);
      const types = await Promise.all(
        ids.map(async (id) => (await waitForNotificationEvents(id, 1)).map(([type]) => type)),
      );
      expect(types.flat()).toEqual([
        ...Array.from({ length: UNVERIFIED_MAILS_PER_HOUR }, () => 'NotificationSent'),
        ...['NotificationFailed', 'NotificationFailed'],
      ]);
      // The limit does not apply to a machine that may place orders for others.
      await system.placeOrder(buildSpamOrder(email, { 'limited-1': 2 }));
      await waitForMails(email, UNVERIFIED_MAILS_PER_HOUR + 1);
    });
  });

  test('an unavailable mail server does not delay orders; the mails are sent when it recovers', async () => {
    const email = generateEmail();
    await system.mails.stop();
    const { id } = await placeOrder(email);
    const response = await system.request(`/api/orders/${id}/cancel`, {
      method: 'POST',
      headers: { prefer: 'wait=20' },
    });
    expect([response.status, response.body.status]).toEqual([200, 'cancelled']);
    await waitForFailedAttempt(id);
    expect(await listNotificationEvents(id)).toEqual([]);

    await system.mails.start();

    const mails = await waitForMails(email, 2);
    expect(mails.map((m) => m.messageId).toSorted()).toEqual([
      `<ntf.email.${id}.cancelled@orders.example>`,
      `<ntf.email.${id}.confirmed@orders.example>`,
    ]);
    expect((await waitForNotificationEvents(id, 2)).map(([type]) => type)).toEqual([
      'NotificationSent',
      'NotificationSent',
    ]);
  });

  // A hanging server takes ten seconds to time out, on one dialect only: the code does not use the database.
  test.each(
    dialect === DIALECTS[0] ? (['reject_temporary', 'hang'] as const) : (['reject_temporary'] as const),
  )('a mail server with behaviour %s does not delay orders; the mail is sent once', async (behaviour) => {
    const email = generateEmail();
    system.mails.setBehaviour(behaviour);
    const { id } = await placeOrder(email);
    await waitForFailedAttempt(id);
    expect(system.mails.listTo(email)).toEqual([]);

    system.mails.setBehaviour('accept');

    await waitForMails(email, 1);
    expect(await waitForNotificationEvents(id, 1)).toEqual([['NotificationSent', 'order_confirmed']]);
    expect(system.mails.listTo(email)).toHaveLength(1);
  });

  test('sends a mail whose response was lost again, with the same Message-ID', async () => {
    const email = generateEmail();
    system.mails.setBehaviour('drop_after_data');
    const { id } = await placeOrder(email);
    await waitForMails(email, 1);

    system.mails.setBehaviour('accept');

    expect(await waitForNotificationEvents(id, 1)).toEqual([['NotificationSent', 'order_confirmed']]);
    const mails = system.mails.listTo(email);
    expect(mails.length).toBeGreaterThanOrEqual(2);
    expect(new Set(mails.map((mail) => mail.messageId)).size).toBe(1);
  });

  test('a rejected mailbox is recorded in the history, and the order stays confirmed', async () => {
    system.mails.setBehaviour('reject_permanent');
    const { id } = await placeOrder(generateEmail());
    expect(await waitForNotificationEvents(id, 1)).toEqual([['NotificationFailed', 'order_confirmed']]);
    expect(await system.getOrder(id)).toMatchObject({
      status: 'confirmed',
      payment: 'paid',
      attention: null,
    });
  });
});
