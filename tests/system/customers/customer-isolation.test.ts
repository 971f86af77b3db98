import type { Tokens } from '../../../api/auth/schemas';
import type { CustomerAddress, PersonalDataExport, Session } from '../../../api/customers/schemas';
import { POLICIES } from '../../../api/http/policies';
import type { Order, PlacedOrder } from '../../../api/orders/schemas';
import { OPERATIONS } from '../../harness/http/openapi-contract';
import { DIALECTS } from '../../harness/servers/databases';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, expectProblem, generateEmail } from '../orders/orders';
import { signUp, toBearerHeader, UNAUTHENTICATED } from './sign-up';

/** Addresses at which customers reach what is theirs, and nothing else. */
const OWN_DATA_OPERATIONS = Object.entries(POLICIES)
  .filter(([, policy]) => policy.customer === 'own')
  .map(([operation]) => operation);
const ADDRESS = {
  name: 'Ada Byron',
  line1: '12 St James Square',
  city: 'Leeds',
  postalCode: 'LS1 1AA',
  country: 'GB',
};

describe.each(DIALECTS)('one customer and another, on %s', (dialect) => {
  let system: System;
  let ada: Tokens & { email: string };
  let bob: Tokens & { email: string };
  /** What is Ada's, by the address at which it is found. */
  let adas: Record<string, string>;

  const customer = async (): Promise<typeof ada> => {
    const email = generateEmail();
    return { ...(await signUp(system, email)), email };
  };
  const as = (who: Tokens) => toBearerHeader(who.accessToken);

  beforeAll(async () => {
    system = await startSystem({ dialect });
    [ada, bob] = [await customer(), await customer()];
    const order = await system.placeOrder(buildOrderRequest(undefined, { email: ada.email }), as(ada));
    const address = await system.request<CustomerAddress>('/api/me/addresses', {
      headers: as(ada),
      body: ADDRESS,
    });
    const sessions = await system.request<{ data: Session[] }>('/api/me/sessions', { headers: as(ada) });
    adas = {
      '/api/orders/:id': order.body.id,
      '/api/me/addresses/:id': address.body.id,
      '/api/me/sessions/:id': sessions.body.data[0]?.id ?? '',
    };
  });
  afterAll(() => system?.close());

  const idAt = (path: string): string => {
    const place = Object.keys(adas).find((known) => path.startsWith(known));
    if (place === undefined) throw new Error(`${path}: add what Ada has there`);
    return adas[place] as string;
  };
  const exampleOf = (operation: string): unknown => {
    const [method, path = ''] = operation.split(' ');
    const described = path.replace(/:(\w+)/g, '{$1}');
    return OPERATIONS.find((o) => o.method === method && o.path === described)?.body?.example;
  };
  const call = (operation: string, headers: Record<string, string>) => {
    const [method = '', path = ''] = operation.split(' ');
    const real = path.replace(/:id/, () => idAt(path));
    const body = method === 'GET' || method === 'DELETE' ? undefined : (exampleOf(operation) ?? {});
    return system.request<Order>(real, { method, headers, ...(body === undefined ? {} : { body }) });
  };

  test.each(OWN_DATA_OPERATIONS.filter((operation) => operation.includes(':')))(
    "%s does not find what is another's, and changes nothing",
    async (operation) => {
      expectProblem(await call(operation, as(bob)), 404, 'not_found');
      const order = await system.request<Order>(`/api/orders/${adas['/api/orders/:id']}`, {
        headers: as(ada),
      });
      expect(order.body).toMatchObject({ status: 'confirmed', cancellation: null });
      const { body } = await system.request<{ data: CustomerAddress[] }>('/api/me/addresses', {
        headers: as(ada),
      });
      expect(body.data).toMatchObject([{ ...ADDRESS, id: adas['/api/me/addresses/:id'] }]);
    },
  );

  test.each(
    OWN_DATA_OPERATIONS.filter((operation) => operation.startsWith('GET') && !operation.includes(':')),
  )("%s shows nothing that is another's", async (operation) => {
    const answer = await call(operation, as(bob));
    expect(answer.status).toBe(200);
    for (const secret of [...Object.values(adas), ada.email, ADDRESS.line1]) {
      expect(answer.text).not.toContain(secret);
    }
  });

  test("a customer's list is theirs, whatever it is asked for", async () => {
    await system.placeOrder(buildOrderRequest(undefined, { email: bob.email }), as(bob));
    const { customerId } = (
      await system.request<Order>(`/api/orders/${adas['/api/orders/:id']}`, { headers: as(ada) })
    ).body;
    expectProblem(
      await system.request(`/api/orders?customerId=${customerId}`, { headers: as(bob) }),
      403,
      'forbidden',
    );
    // A cursor of anybody's list says where to go on, not in whose.
    const everybody = await system.request<{ nextCursor: string }>('/api/orders?limit=1');
    const page = await system.request<{ data: Order[] }>(
      `/api/orders?cursor=${everybody.body.nextCursor}&status=confirmed`,
      { headers: as(bob) },
    );
    expect(page.text).not.toContain(customerId);
  });

  test('an order placed by an account is its own, whatever address of mail it names', async () => {
    const placed = await system.placeOrder<PlacedOrder>(
      buildOrderRequest(undefined, { email: ada.email }),
      as(bob),
    );
    expect(placed.status).toBe(201);
    expect(placed.body.orderToken).toBeUndefined();
    expectProblem(
      await system.request(`/api/orders/${placed.body.id}`, { headers: as(ada) }),
      404,
      'not_found',
    );
    expect((await system.request(`/api/orders/${placed.body.id}`, { headers: as(bob) })).status).toBe(200);
  });

  test('what somebody ordered as a guest is theirs once the address is confirmed', async () => {
    const email = generateEmail();
    const guest = await system.placeOrder<PlacedOrder>(
      buildOrderRequest(undefined, { email }),
      UNAUTHENTICATED,
    );
    const carol = await signUp(system, email);
    const { body } = await system.request<{ data: Order[] }>('/api/orders', { headers: as(carol) });
    expect(body.data.map(({ id }) => id)).toEqual([guest.body.id]);
    const mine = await system.request<PersonalDataExport>('/api/me/export', { headers: as(carol) });
    expect(mine.body.orders.map(({ id }) => id)).toEqual([guest.body.id]);
    expectProblem(
      await system.request(`/api/orders/${guest.body.id}`, { headers: as(bob) }),
      404,
      'not_found',
    );
  });
});
