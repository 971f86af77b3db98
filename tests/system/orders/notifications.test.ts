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

  const mails = (email: string, count: number) =>
    eventually(
      `${count} mails to ${email}`,
      () => {
        const found = system.mails.listTo(email);
        return found.length >= count && found;
      },
      MAIL_TIMEOUT_MS,
    );
  /** What the history tells of mails. */
  const told = async (id: string) =>
    (await system.getHistory(id)).entries
      .filter((e) => e.type.startsWith('Notification'))
      .map((e) => [e.type, e.event?.data.kind]);
  const untilTold = (id: string, count: number) =>
    eventually(
      `${count} mails in the history`,
      async () => {
        const found = await told(id);
        return found.length >= count && found;
      },
      MAIL_TIMEOUT_MS,
    );
  /** Events are handed on in their order, so when this one's mail is there nothing earlier is still to come. */
  const nothingMoreToCome = async () => {
    const email = generateEmail();
    const { body } = await system.placeOrder(buildOrderRequest(undefined, { email }));
    await mails(email, 1);
    await untilTold(body.id, 1);
  };
  const untilItFails = (id: string) =>
    eventually(
      `a try to send the mail of ${id} that fails`,
      () =>
        system
          .readLog()
          .split('\n')
          .some((line) => line.includes(`deliver:${id}`) && line.includes('Activity failed')),
      MAIL_TIMEOUT_MS,
    );
  const place = async (email: string): Promise<Order> => {
    const { status, body } = await system.placeOrder(buildOrderRequest(undefined, { email }));
    expect(status).toBe(201);
    return body;
  };

  test('a confirmed and a cancelled order are told once each, as text and as HTML', async () => {
    const email = generateEmail();
    const { id } = await place(email);
    await mails(email, 1);
    await system.request(`/api/orders/${id}/cancel`, { method: 'POST', headers: { prefer: 'wait=20' } });
    await mails(email, 2);
    await nothingMoreToCome();

    const [cancelled, confirmed, ...others] = system.mails.listTo(email);
    expect(others).toEqual([]);
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
    expect(await told(id)).toEqual([
      ['NotificationSent', 'order_confirmed'],
      ['NotificationSent', 'order_cancelled'],
    ]);
  });

  test.each([
    ['a declined card', { 'walnut-desk': 1 }, DECLINED_CARD, 'payment_declined'],
    ['an order beyond the stock', { 'limited-1': 2 }, undefined, 'order_out_of_stock'],
  ])('%s is told once', async (_what, items, method, kind) => {
    const email = generateEmail();
    const card = method === undefined ? {} : { method };
    const { body } = await system.placeOrder<{ orderId: string }>(
      buildOrderRequest(items, { email, ...card }),
    );
    const [mail] = await mails(email, 1);
    await nothingMoreToCome();
    expect(mail?.messageId).toBe(`<ntf.email.${body.orderId}.rejected@orders.example>`);
    expect(system.mails.listTo(email)).toHaveLength(1);
    expect(await told(body.orderId)).toEqual([['NotificationSent', kind]]);
  });

  describe("an order that a stranger places for somebody's address", () => {
    const spam = 'You won: evil.example/prize';
    const body = (email: string, items: Record<string, number>) => {
      const order = buildOrderRequest(items, { email });
      return { ...order, customer: { ...order.customer, name: spam } };
    };

    test('brings them no words of the stranger', async () => {
      const email = generateEmail();
      const { body: order } = await system.placeOrder<PlacedOrder>(
        body(email, { 'walnut-desk': 1 }),
        UNAUTHENTICATED,
      );
      await system.request(`/api/orders/${order.id}/cancel`, {
        headers: { authorization: `Bearer ${order.orderToken}` },
        body: { reason: spam },
      });
      const found = await mails(email, 2);
      expect(JSON.stringify(found)).not.toContain('evil.example');
      expect(found.map(({ text }) => text)).toEqual([
        expect.stringContaining('Hello,'),
        expect.stringContaining('Hello,'),
      ]);
    });

    test('and comes to nothing is told of a few times an hour', async () => {
      const email = generateEmail();
      const ids: string[] = [];
      for (let n = 0; n < UNVERIFIED_MAILS_PER_HOUR + 2; n += 1) {
        const answer = await system.placeOrder<Problem>(body(email, { 'limited-1': 2 }), UNAUTHENTICATED);
        expectProblem(answer, 409, 'out_of_stock');
        ids.push(String(answer.body.orderId));
      }
      await mails(email, UNVERIFIED_MAILS_PER_HOUR);
      await nothingMoreToCome();
      expect(system.mails.listTo(email)).toHaveLength(UNVERIFIED_MAILS_PER_HOUR);
      const types = await Promise.all(ids.map(async (id) => (await untilTold(id, 1)).map(([type]) => type)));
      expect(types.flat()).toEqual([
        ...Array.from({ length: UNVERIFIED_MAILS_PER_HOUR }, () => 'NotificationSent'),
        ...['NotificationFailed', 'NotificationFailed'],
      ]);
      // Who may order for others may have them told each time.
      await system.placeOrder(body(email, { 'limited-1': 2 }));
      await mails(email, UNVERIFIED_MAILS_PER_HOUR + 1);
    });
  });

  test('a mail server that is gone holds no order up; its mails go out when it is back', async () => {
    const email = generateEmail();
    await system.mails.stop();
    const { id } = await place(email);
    const answer = await system.request(`/api/orders/${id}/cancel`, {
      method: 'POST',
      headers: { prefer: 'wait=20' },
    });
    expect([answer.status, answer.body.status]).toEqual([200, 'cancelled']);
    await untilItFails(id);
    expect(await told(id)).toEqual([]);

    await system.mails.start();

    const found = await mails(email, 2);
    expect(found.map((m) => m.messageId).toSorted()).toEqual([
      `<ntf.email.${id}.cancelled@orders.example>`,
      `<ntf.email.${id}.confirmed@orders.example>`,
    ]);
    expect((await untilTold(id, 2)).map(([type]) => type)).toEqual(['NotificationSent', 'NotificationSent']);
  });

  // A hanging server is given up after ten seconds: once is enough for code that asks no database.
  test.each(
    dialect === DIALECTS[0] ? (['reject_temporary', 'hang'] as const) : (['reject_temporary'] as const),
  )('a mail server that would %s holds no order up; the mail goes out once', async (behaviour) => {
    const email = generateEmail();
    system.mails.setBehaviour(behaviour);
    const { id } = await place(email);
    await untilItFails(id);
    expect(system.mails.listTo(email)).toEqual([]);

    system.mails.setBehaviour('accept');

    await mails(email, 1);
    expect(await untilTold(id, 1)).toEqual([['NotificationSent', 'order_confirmed']]);
    expect(system.mails.listTo(email)).toHaveLength(1);
  });

  test('a mail whose receipt was lost is sent again under the same Message-ID', async () => {
    const email = generateEmail();
    system.mails.setBehaviour('drop_after_data');
    const { id } = await place(email);
    await mails(email, 1);

    system.mails.setBehaviour('accept');

    expect(await untilTold(id, 1)).toEqual([['NotificationSent', 'order_confirmed']]);
    const found = system.mails.listTo(email);
    expect(found.length).toBeGreaterThanOrEqual(2);
    expect(new Set(found.map((mail) => mail.messageId)).size).toBe(1);
  });

  test('a mailbox that does not exist is told in the history, and the order stands', async () => {
    system.mails.setBehaviour('reject_permanent');
    const { id } = await place(generateEmail());
    expect(await untilTold(id, 1)).toEqual([['NotificationFailed', 'order_confirmed']]);
    expect(await system.getOrder(id)).toMatchObject({
      status: 'confirmed',
      payment: 'paid',
      attention: null,
    });
  });
});
