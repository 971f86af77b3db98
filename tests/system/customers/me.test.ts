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

describe.each(DIALECTS)('the customer profile on %s', (dialect) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem({ dialect });
  });
  afterAll(() => system?.close());

  /** Signs up a customer. */
  const createCustomer = async () => {
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

  test('a profile is read and changed; its role and email address are read-only', async () => {
    const { call, email } = await createCustomer();
    expect((await call<Me>('')).body).toMatchObject({
      email,
      name: 'Ada Byron',
      phone: null,
      role: 'customer',
    });
    const changed = await call<Me>('', 'PATCH', { phone: '+49 30 1234567', name: null });
    expect(changed.body).toMatchObject({ name: null, phone: '+49 30 1234567', orderUpdates: 'email' });
    for (const fields of [
      { role: 'admin' },
      { email: generateEmail() },
      { id: 'cus_1' },
      { orderUpdates: 'maybe' },
    ]) {
      expectProblem(await call('', 'PATCH', fields), 400, 'invalid_request');
    }
    expect((await call<Me>('')).body).toEqual(changed.body);
  });

  test('a customer without order updates receives no confirmation, only important mails', async () => {
    const { call, email, headers } = await createCustomer();
    await call('', 'PATCH', { orderUpdates: 'none' });
    const { body } = await system.placeOrder(buildOrderRequest(undefined, { email }), headers);
    await system.request(`/api/orders/${body.id}/cancel`, { headers, body: {} });
    await waitForMail(system, email, 'Your order was cancelled');
    const subjects = system.mails.listTo(email).map((mail) => mail.subject);
    expect(subjects.some((subject) => subject.includes('confirmed'))).toBe(false);
    // The history is readable for guests with this address, so it must not reveal the account.
    const history = await eventually('the sent mail to be in the history', async () => {
      const text = JSON.stringify(await system.getHistory(body.id));
      return text.includes('NotificationSent') && text;
    });
    expect(history).not.toMatch(/unwanted|NotificationFailed/);
  });

  test('addresses are stored with one default of each kind', async () => {
    const { call } = await createCustomer();
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
    const invalid = expectProblem(
      await call('/addresses', 'POST', { ...ADDRESS, country: 'de' }),
      400,
      'invalid_request',
    );
    expect(invalid.errors?.[0]?.pointer).toBe('/country');
  });

  test('sessions are listed and closed one by one', async () => {
    const { call, email } = await createCustomer();
    const other = await logIn(system, email);
    const { data } = (await call<{ data: Session[] }>('/sessions')).body;
    expect(data.map((session) => session.current).toSorted()).toEqual([false, true]);
    const otherSession = data.find((session) => !session.current);
    expect((await call(`/sessions/${otherSession?.id}`, 'DELETE')).status).toBe(204);
    expectProblem(await call(`/sessions/${otherSession?.id}`, 'DELETE'), 404, 'not_found');
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

  test("an export contains all of the customer's data and no data of others", async () => {
    const [ada, eve] = [await createCustomer(), await createCustomer()];
    await system.placeOrder(buildOrderRequest(undefined, { email: eve.email }), eve.headers);
    const orderIds = [];
    for (let n = 0; n < 3; n += 1)
      orderIds.unshift((await system.placeOrder(buildOrderRequest(), ada.headers)).body.id);
    await ada.call('/addresses', 'POST', ADDRESS);
    const { body, headers, text } = await ada.call<PersonalDataExport>('/export');
    expect(headers['content-disposition']).toContain('attachment');
    expect(body.profile.email).toBe(ada.email);
    expect(body.addresses).toHaveLength(1);
    expect(body.sessions).toHaveLength(1);
    expect(body.orders.map((order) => order.id)).toEqual(orderIds);
    expect(body.orders[0]?.shippingAddress).toMatchObject({ line1: '1 Main St' });
    expect(body.accountEvents.map(({ type, by }) => [type, by]).slice(0, 2)).toEqual([
      ['AccountCreated', 'customer'],
      ['SessionOpened', 'customer'],
    ]);
    expect(text).not.toContain(eve.email);
    expect(text).not.toContain('argon2');
  });

  test('an erasure removes personal data from the order, the histories and the logs', async () => {
    const { call, email, headers, id } = await createCustomer();
    await call('', 'PATCH', { phone: '+49 30 7654321', name: 'Augusta Ada King' });
    await call('/addresses', 'POST', ADDRESS);
    const order = { ...buildOrderRequest(undefined, { email }), shippingAddress: ADDRESS };
    const { body } = await system.placeOrder(order, headers);
    const erase = (password: string) => call('/erasure', 'POST', { password });
    expectProblem(await erase('not the password'), 401, 'invalid_credentials');
    const rejected = expectProblem(await erase(PASSWORD), 409, 'orders_open');
    expect(rejected.orderIds).toEqual([body.id]);
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
    expect(await system.getOrder(body.id)).toMatchObject({
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
    test('read a customer, and each access is logged', async () => {
      const [ada, support] = [await createCustomer(), await createStaffToken(system.env, 'support')];
      const headers = toBearerHeader(support.token);
      const list = await system.request<{ data: { id: string }[] }>(`/api/customers?email=${ada.email}`, {
        headers,
      });
      expect(list.body.data).toEqual([expect.objectContaining({ id: ada.id, role: 'customer' })]);
      expect(list.text).not.toContain(ada.email);
      const read = await system.request(`/api/customers/${ada.id}`, { headers });
      expect(read.body).toMatchObject({ email: ada.email, name: 'Ada Byron', addresses: [] });
      const placed = await system.placeOrder(buildOrderRequest(), UNAUTHENTICATED);
      await system.request(`/api/orders/${placed.body.id}`, { headers });
      expect(await support.reads()).toEqual([ada.id, ada.id, placed.body.id]);
      // A customer's access to their own data is not logged.
      await ada.call('');
      expect(await support.reads()).toHaveLength(3);
    });

    test('list customers with cursors, without personal data', async () => {
      const customers = [await createCustomer(), await createCustomer(), await createCustomer()];
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
      expect(ids).toEqual(expect.arrayContaining(customers.map(({ id }) => id)));
      expect(ids).toEqual([...new Set(ids)].toSorted());
      expectProblem(await system.request('/api/customers?cursor=x', { headers }), 400, 'invalid_cursor');
      expectProblem(await system.request('/api/customers/cus_1', { headers }), 404, 'not_found');
    });

    test('an admin sets a role, which takes effect at once, and erases a customer', async () => {
      const [ada, eve] = [await createCustomer(), await createCustomer()];
      const headers = toBearerHeader((await createStaffToken(system.env, 'admin')).token);
      const setRole = (role: string) =>
        system.request(`/api/customers/${ada.id}/role`, { method: 'PUT', headers, body: { role } });
      expect((await setRole('warehouse')).status).toBe(204);
      expectProblem(await ada.call(''), 401, 'invalid_token');
      const newSession = await logIn(system, ada.email);
      expect(
        (await system.request('/api/inventory', { headers: toBearerHeader(newSession.accessToken) })).status,
      ).toBe(200);
      expectProblem(await setRole('root'), 400, 'invalid_request');
      const erasure = await system.request(`/api/customers/${eve.id}/erasure`, { method: 'POST', headers });
      expect(erasure.status).toBe(204);
      expectProblem(await eve.call(''), 401, 'invalid_token');
    });
  });
});

/** @returns the decoded histories of all workflows of the system. */
async function fetchHistories(prefix: string): Promise<string> {
  const temporal = createTemporalClient({ address: getServerConfig().temporalAddress, namespace: 'default' });
  try {
    const histories: string[] = [];
    for await (const { workflowId, memo, searchAttributes } of temporal.workflow.list({
      query: `TaskQueue = "${prefix}orders"`,
    })) {
      const history = await temporal.workflow.getHandle(workflowId).fetchHistory();
      const metadata = JSON.stringify([workflowId, memo, searchAttributes]);
      histories.push(metadata, decodePayloads(toHistoryJson(history as History)));
    }
    return histories.join('\n');
  } finally {
    await temporal.connection.close();
  }
}
