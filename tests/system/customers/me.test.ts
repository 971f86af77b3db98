import type { CustomerAddress, Me, PersonalDataExport, Session } from '../../../api/customers/schemas';
import { createTemporalClient } from '../../../integrations/temporal/connect';
import { eventually } from '../../harness/eventually';
import { createStaffToken } from '../../harness/http/staff-token';
import { DIALECTS } from '../../harness/servers/databases';
import { getServerConfig } from '../../harness/servers/server-config';
import { type System, startSystem } from '../../harness/servers/system';
import { decodePayloads, type History, toHistoryJson } from '../../harness/workflow/histories';
import { buildOrderRequest, expectProblem, generateEmail } from '../orders/orders';
import {
  logIn,
  PASSWORD,
  postUnauthenticated,
  signUp,
  toBearerHeader,
  UNAUTHENTICATED,
  waitForMail,
} from './sign-up';

const ADDRESS = {
  name: 'Ada Byron',
  line1: '1 Lovelace St',
  city: 'Berlin',
  postalCode: '10115',
  country: 'DE',
};

describe.each(DIALECTS)('what people see and change of themselves, on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect });
  });
  afterAll(() => system?.close());

  /** Somebody with an account. */
  const person = async () => {
    const email = generateEmail();
    const { accessToken } = await signUp(system, email);
    const headers = toBearerHeader(accessToken);
    const call = <T>(path: string, method?: string, body?: unknown) =>
      system.request<T>(`/api/me${path}`, {
        headers,
        ...(method === undefined ? {} : { method }),
        ...(body === undefined ? {} : { body }),
      });
    const { id } = (await call<Me>('')).body;
    return { email, headers, call, id };
  };

  test('a profile is read and changed; the role and the address are not for the taking', async () => {
    const { call, email } = await person();
    expect((await call<Me>('')).body).toMatchObject({
      email,
      name: 'Ada Byron',
      phone: null,
      role: 'customer',
    });
    const changed = await call<Me>('', 'PATCH', { phone: '+49 30 1234567', name: null });
    expect(changed.body).toMatchObject({ name: null, phone: '+49 30 1234567', orderUpdates: 'email' });
    for (const more of [
      { role: 'admin' },
      { email: generateEmail() },
      { id: 'cus_1' },
      { orderUpdates: 'maybe' },
    ]) {
      expectProblem(await call('', 'PATCH', more), 400, 'invalid_request');
    }
    expect((await call<Me>('')).body).toEqual(changed.body);
  });

  test('who wants no confirmations gets none, and is told of what needs them', async () => {
    const { call, email, headers } = await person();
    await call('', 'PATCH', { orderUpdates: 'none' });
    const { body } = await system.placeOrder(buildOrderRequest(undefined, { email }), headers);
    await system.request(`/api/orders/${body.id}/cancel`, { headers, body: {} });
    await waitForMail(system, email, 'Your order was cancelled');
    const subjects = system.mails.listTo(email).map((mail) => mail.subject);
    expect(subjects.some((subject) => subject.includes('confirmed'))).toBe(false);
    // Who ordered as a guest with this address reads the order's history, and learns of no account from it.
    const history = await eventually('the sent mail in the history', async () => {
      const text = JSON.stringify(await system.getHistory(body.id));
      return text.includes('NotificationSent') && text;
    });
    expect(history).not.toMatch(/unwanted|NotificationFailed/);
  });

  test('addresses are kept with one default of each kind', async () => {
    const { call } = await person();
    const added = await call<CustomerAddress>('/addresses', 'POST', ADDRESS);
    expect(added.status).toBe(201);
    expect(added.headers.location).toBe(`/api/me/addresses/${added.body.id}`);
    expect(added.body).toEqual({
      id: added.body.id,
      ...ADDRESS,
      defaultShipping: true,
      defaultBilling: true,
    });
    const other = await call<CustomerAddress>('/addresses', 'POST', { ...ADDRESS, defaultBilling: true });
    const moved = { ...ADDRESS, city: 'Hamburg', defaultShipping: true };
    const put = await call<CustomerAddress>(`/addresses/${other.body.id}`, 'PUT', moved);
    expect(put.body).toMatchObject({ city: 'Hamburg', defaultShipping: true, defaultBilling: true });
    const { data } = (await call<{ data: CustomerAddress[] }>('/addresses')).body;
    expect(data.map((a) => a.defaultShipping || a.defaultBilling)).toEqual([false, true]);
    expect((await call(`/addresses/${other.body.id}`, 'DELETE')).status).toBe(204);
    expectProblem(await call(`/addresses/${other.body.id}`, 'DELETE'), 404, 'not_found');
    const wrong = expectProblem(
      await call('/addresses', 'POST', { ...ADDRESS, country: 'de' }),
      400,
      'invalid_request',
    );
    expect(wrong.errors?.[0]?.pointer).toBe('/country');
  });

  test('sessions are listed, and ended one by one', async () => {
    const { call, email } = await person();
    const other = await logIn(system, email);
    const { data } = (await call<{ data: Session[] }>('/sessions')).body;
    expect(data.map((session) => session.current).toSorted()).toEqual([false, true]);
    const there = data.find((session) => !session.current);
    expect((await call(`/sessions/${there?.id}`, 'DELETE')).status).toBe(204);
    expectProblem(await call(`/sessions/${there?.id}`, 'DELETE'), 404, 'not_found');
    expectProblem(
      await system.request('/api/me', { headers: toBearerHeader(other.accessToken) }),
      401,
      'invalid_token',
    );
    for (const id of ['ses_1', '%C3%A4', '%F0%9F%92%B6']) {
      expectProblem(await call(`/sessions/${id}`, 'DELETE'), 404, 'not_found');
    }
    expect((await call('')).status).toBe(200);
  });

  test('an export has all that it says, and nothing of anybody else', async () => {
    const [ada, eve] = [await person(), await person()];
    await system.placeOrder(buildOrderRequest(undefined, { email: eve.email }), eve.headers);
    const placed = [];
    for (let n = 0; n < 3; n += 1)
      placed.unshift((await system.placeOrder(buildOrderRequest(), ada.headers)).body.id);
    await ada.call('/addresses', 'POST', ADDRESS);
    const { body, headers, text } = await ada.call<PersonalDataExport>('/export');
    expect(headers['content-disposition']).toContain('attachment');
    expect(body.profile.email).toBe(ada.email);
    expect(body.addresses).toHaveLength(1);
    expect(body.sessions).toHaveLength(1);
    expect(body.orders.map((order) => order.id)).toEqual(placed);
    expect(body.orders[0]?.shippingAddress).toMatchObject({ line1: '1 Main St' });
    expect(body.accountEvents.map(({ type, by }) => [type, by]).slice(0, 2)).toEqual([
      ['AccountCreated', 'customer'],
      ['SessionOpened', 'customer'],
    ]);
    expect(text).not.toContain(eve.email);
    expect(text).not.toContain('argon2');
  });

  test('who wants to be forgotten is, in every table, mail to come, and workflow', async () => {
    const { call, email, headers, id } = await person();
    await call('', 'PATCH', { phone: '+49 30 7654321', name: 'Augusta Ada King' });
    await call('/addresses', 'POST', ADDRESS);
    const order = { ...buildOrderRequest(undefined, { email }), shippingAddress: ADDRESS };
    const { body } = await system.placeOrder(order, headers);
    const erase = (password: string) => call('/erasure', 'POST', { password });
    expectProblem(await erase('not the password'), 401, 'invalid_credentials');
    const refused = expectProblem(await erase(PASSWORD), 409, 'orders_open');
    expect(refused.orderIds).toEqual([body.id]);
    await system.request(`/api/orders/${body.id}/cancel`, {
      headers: { ...headers, prefer: 'wait=20' },
      body: { reason: `ask ${email}` },
    });
    await waitForMail(system, email, 'Your order was cancelled');

    expect((await erase(PASSWORD)).status).toBe(204);
    expectProblem(await call(''), 401, 'invalid_token');
    expectProblem(
      await postUnauthenticated(system, '/api/auth/login', { email, password: PASSWORD }),
      401,
      'invalid_credentials',
    );
    const left = await system.getOrder(body.id);
    expect(left).toMatchObject({
      status: 'cancelled',
      customerId: id,
      customer: null,
      shippingAddress: null,
    });
    const histories = await fetchHistories(system.taskQueuePrefix);
    expect(histories).toContain(body.id);
    for (const needle of [email, 'Augusta', 'Ada Byron', '7654321', 'Lovelace']) {
      expect(histories).not.toContain(needle);
      expect(system.readLog()).not.toContain(needle);
    }
  });

  describe('staff', () => {
    test('look up a customer, and each look is told', async () => {
      const [ada, support] = [await person(), await createStaffToken(system.env, 'support')];
      const headers = toBearerHeader(support.token);
      const list = await system.request<{ data: { id: string }[] }>(`/api/customers?email=${ada.email}`, {
        headers,
      });
      expect(list.body.data).toEqual([expect.objectContaining({ id: ada.id, role: 'customer' })]);
      expect(list.text).not.toContain(ada.email);
      const one = await system.request(`/api/customers/${ada.id}`, { headers });
      expect(one.body).toMatchObject({ email: ada.email, name: 'Ada Byron', addresses: [] });
      const placed = await system.placeOrder(buildOrderRequest(), UNAUTHENTICATED);
      await system.request(`/api/orders/${placed.body.id}`, { headers });
      expect(await support.reads()).toEqual([ada.id, ada.id, placed.body.id]);
      // Nobody is held to account for looking at their own.
      const { call } = ada;
      await call('');
      expect(await support.reads()).toHaveLength(3);
    });

    test('list customers page by page, by nothing personal', async () => {
      const people = [await person(), await person(), await person()];
      const headers = toBearerHeader((await createStaffToken(system.env, 'admin')).token);
      const ids: string[] = [];
      for (let cursor = ''; ; ) {
        const { body, text } = await system.request<{ data: { id: string }[]; nextCursor: string | null }>(
          `/api/customers?limit=2${cursor}`,
          { headers },
        );
        expect(text).not.toContain('@');
        ids.push(...body.data.map(({ id }) => id));
        if (body.nextCursor === null) break;
        cursor = `&cursor=${body.nextCursor}`;
      }
      expect(ids).toEqual(expect.arrayContaining(people.map(({ id }) => id)));
      expect(ids).toEqual([...new Set(ids)].toSorted());
      expectProblem(await system.request('/api/customers?cursor=x', { headers }), 400, 'invalid_cursor');
      expectProblem(await system.request('/api/customers/cus_1', { headers }), 404, 'not_found');
    });

    test('an admin gives a role, which counts at once, and has a customer forgotten', async () => {
      const [ada, eve] = [await person(), await person()];
      const headers = toBearerHeader((await createStaffToken(system.env, 'admin')).token);
      const set = (role: string) =>
        system.request(`/api/customers/${ada.id}/role`, { method: 'PUT', headers, body: { role } });
      expect((await set('warehouse')).status).toBe(204);
      expectProblem(await ada.call(''), 401, 'invalid_token');
      const again = await logIn(system, ada.email);
      expect(
        (await system.request('/api/inventory', { headers: toBearerHeader(again.accessToken) })).status,
      ).toBe(200);
      expectProblem(await set('root'), 400, 'invalid_request');
      const forgotten = await system.request(`/api/customers/${eve.id}/erasure`, { method: 'POST', headers });
      expect(forgotten.status).toBe(204);
      expectProblem(await eve.call(''), 401, 'invalid_token');
    });
  });
});

/** All histories of the system, as anybody sees them who has access to Temporal. */
async function fetchHistories(prefix: string): Promise<string> {
  const temporal = createTemporalClient({ address: getServerConfig().temporalAddress, namespace: 'default' });
  try {
    const found: string[] = [];
    for await (const { workflowId, memo, searchAttributes } of temporal.workflow.list({
      query: `TaskQueue = "${prefix}orders"`,
    })) {
      const history = await temporal.workflow.getHandle(workflowId).fetchHistory();
      const seen = JSON.stringify([workflowId, memo, searchAttributes]);
      found.push(seen, decodePayloads(toHistoryJson(history as History)));
    }
    return found.join('\n');
  } finally {
    await temporal.connection.close();
  }
}
