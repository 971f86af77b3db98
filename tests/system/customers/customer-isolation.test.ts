import type { Tokens } from '../../../api/auth/schemas';
import type { CustomerAddress, PersonalDataExport, Session } from '../../../api/customers/schemas';
import { ENDPOINTS } from '../../../api/endpoints';
import { endpointName } from '../../../api/http/endpoint';
import type { Order, PlacedOrder } from '../../../api/orders/schemas';
import { OPERATIONS } from '../../harness/http/openapi-contract';
import { DIALECTS } from '../../harness/servers/databases';
import { type System, startSystem } from '../../harness/servers/system';
import { buildOrderRequest, expectProblem, generateEmail } from '../orders/orders';
import { signUp, toBearerHeader, UNAUTHENTICATED } from './sign-up';

/** Operations that give customers access to their own data only. */
const OWN_DATA_OPERATIONS = ENDPOINTS.filter(({ policy }) => policy?.customer === 'own').map(endpointName);
const ADDRESS = {
  name: 'Ada Byron',
  line1: '12 St James Square',
  city: 'Leeds',
  postalCode: 'LS1 1AA',
  country: 'GB',
};

describe.each(DIALECTS)('customer isolation on %s', (dialect) => {
  let system: System;
  let ada: Tokens & { email: string };
  let bob: Tokens & { email: string };
  /** Ids of Ada's resources by path. */
  let adaResources: Record<string, string>;

  const signUpCustomer = async (): Promise<typeof ada> => {
    const email = generateEmail();
    return { ...(await signUp(system, email)), email };
  };
  const as = (tokens: Tokens) => toBearerHeader(tokens.accessToken);

  beforeAll(async () => {
    system = await startSystem({ dialect });
    [ada, bob] = [await signUpCustomer(), await signUpCustomer()];
    const order = await system.placeOrder(buildOrderRequest(undefined, { email: ada.email }), as(ada));
    const address = await system.request<CustomerAddress>('/api/me/addresses', {
      headers: as(ada),
      body: ADDRESS,
    });
    const sessions = await system.request<{ data: Session[] }>('/api/me/sessions', { headers: as(ada) });
    adaResources = {
      '/api/orders/:id': order.body.id,
      '/api/me/addresses/:id': address.body.id,
      '/api/me/sessions/:id': sessions.body.data[0]?.id ?? '',
    };
  });
  afterAll(() => system?.close());

  const getAdaId = (path: string): string => {
    const resourcePath = Object.keys(adaResources).find((known) => path.startsWith(known));
    if (resourcePath === undefined) throw new Error(`Add a resource of Ada for ${path} to this test.`);
    return adaResources[resourcePath] as string;
  };
  const getExampleBody = (operation: string): unknown => {
    const [method, path = ''] = operation.split(' ');
    const openApiPath = path.replace(/:(\w+)/g, '{$1}');
    return OPERATIONS.find((o) => o.method === method && o.path === openApiPath)?.body?.example;
  };
  const call = (operation: string, headers: Record<string, string>) => {
    const [method = '', path = ''] = operation.split(' ');
    const url = path.replace(/:id/, () => getAdaId(path));
    const body = method === 'GET' || method === 'DELETE' ? undefined : (getExampleBody(operation) ?? {});
    return system.request<Order>(url, { method, headers, ...(body === undefined ? {} : { body }) });
  };

  test.each(OWN_DATA_OPERATIONS.filter((operation) => operation.includes(':')))(
    "%s returns 404 for another customer's resource and changes nothing",
    async (operation) => {
      expectProblem(await call(operation, as(bob)), 404, 'not_found');
      const order = await system.request<Order>(`/api/orders/${adaResources['/api/orders/:id']}`, {
        headers: as(ada),
      });
      expect(order.body).toMatchObject({ status: 'confirmed', cancellation: null });
      const { body } = await system.request<{ data: CustomerAddress[] }>('/api/me/addresses', {
        headers: as(ada),
      });
      expect(body.data).toMatchObject([{ ...ADDRESS, id: adaResources['/api/me/addresses/:id'] }]);
    },
  );

  test.each(
    OWN_DATA_OPERATIONS.filter((operation) => operation.startsWith('GET') && !operation.includes(':')),
  )('%s returns no data of another customer', async (operation) => {
    const response = await call(operation, as(bob));
    expect(response.status).toBe(200);
    for (const secret of [...Object.values(adaResources), ada.email, ADDRESS.line1]) {
      expect(response.text).not.toContain(secret);
    }
  });

  test('a customer lists only their own orders, whatever the filter or cursor', async () => {
    await system.placeOrder(buildOrderRequest(undefined, { email: bob.email }), as(bob));
    const { customerId } = (
      await system.request<Order>(`/api/orders/${adaResources['/api/orders/:id']}`, { headers: as(ada) })
    ).body;
    expectProblem(
      await system.request(`/api/orders?customerId=${customerId}`, { headers: as(bob) }),
      403,
      'forbidden',
    );
    // A cursor from a list of all orders only sets a position; the filter by customer still applies.
    const allOrders = await system.request<{ nextCursor: string }>('/api/orders?limit=1');
    const page = await system.request<{ data: Order[] }>(
      `/api/orders?cursor=${allOrders.body.nextCursor}&status=confirmed`,
      { headers: as(bob) },
    );
    expect(page.text).not.toContain(customerId);
  });

  test('an order placed with an account belongs to the account, whatever email address it contains', async () => {
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

  test('guest orders belong to the account once its email address is confirmed', async () => {
    const email = generateEmail();
    const guest = await system.placeOrder<PlacedOrder>(
      buildOrderRequest(undefined, { email }),
      UNAUTHENTICATED,
    );
    const carol = await signUp(system, email);
    const { body } = await system.request<{ data: Order[] }>('/api/orders', { headers: as(carol) });
    expect(body.data.map(({ id }) => id)).toEqual([guest.body.id]);
    const dataExport = await system.request<PersonalDataExport>('/api/me/export', { headers: as(carol) });
    expect(dataExport.body.orders.map(({ id }) => id)).toEqual([guest.body.id]);
    expectProblem(
      await system.request(`/api/orders/${guest.body.id}`, { headers: as(bob) }),
      404,
      'not_found',
    );
  });
});
