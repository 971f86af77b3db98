import { type Policy, type Principal, SCOPES, type Scope } from '../domain/shared/access';
import { createApiContext } from '../tests/harness/http/api-context';
import { sendRequest } from '../tests/harness/http/http-client';
import { listRoutes } from '../tests/harness/http/routes';
import { ENDPOINTS } from './endpoints';
import { createApp } from './http/app';
import { endpointName } from './http/endpoint';
import { type ApiServer, listen } from './http/server';

/**
 * The authorization table, independent of the declarations it is compared with: `all`, `own` or `-` for guest, customer,
 * support, warehouse and admin, then the scope of API keys.
 */
const MATRIX = `
POST /api/orders               all  own  all  own  all  orders:write
GET /api/orders                -    own  all  all  all  orders:read
GET /api/orders/:id            own  own  all  all  all  orders:read
GET /api/orders/:id/history    own  own  all  all  all  orders:read
POST /api/orders/:id/cancel    own  own  all  own  all  orders:write
POST /api/quotes               all  all  all  all  all  -
GET /api/products              all  all  all  all  all  -
GET /api/products/:sku         all  all  all  all  all  -
POST /api/products             -    -    -    -    all  catalogue:write
PUT /api/products/:sku         -    -    -    -    all  catalogue:write
DELETE /api/products/:sku      -    -    -    -    all  catalogue:write
POST /api/products/import      -    -    -    -    all  catalogue:write
GET /api/products/imports      -    -    -    -    all  catalogue:write
GET /api/products/imports/:id  -    -    -    -    all  catalogue:write
GET /api/inventory             -    -    all  all  all  inventory:read
GET /api/inventory/:sku        -    -    all  all  all  inventory:read
GET /api/inventory/low         -    -    all  all  all  inventory:read
GET /api/inventory/:sku/movements     -  -  all  all  all  inventory:read
POST /api/inventory/:sku/adjustments  -  -  -    all  all  inventory:write
PUT /api/inventory/:sku/threshold     -  -  -    all  all  inventory:write
GET /api/warehouses            -    -    all  all  all  inventory:read
POST /api/warehouses           -    -    -    all  all  inventory:write
GET /api/warehouses/:code      -    -    all  all  all  inventory:read
PUT /api/warehouses/:code      -    -    -    all  all  inventory:write
POST /api/api-keys             -    -    -    -    all  -
GET /api/api-keys              -    -    -    -    all  -
DELETE /api/api-keys/:id       -    -    -    -    all  -
POST /api/auth/register        all  all  all  all  all  -
POST /api/auth/confirm         all  all  all  all  all  -
POST /api/auth/login           all  all  all  all  all  -
POST /api/auth/refresh         all  all  all  all  all  -
POST /api/auth/logout          all  all  all  all  all  -
POST /api/auth/password-reset  all  all  all  all  all  -
POST /api/auth/password-reset/confirm all all all all all -
POST /api/auth/password        -    own  own  own  own  -
GET /api/me                    -    own  own  own  own  -
PATCH /api/me                  -    own  own  own  own  -
GET /api/me/sessions           -    own  own  own  own  -
DELETE /api/me/sessions/:id    -    own  own  own  own  -
GET /api/me/addresses          -    own  own  own  own  -
POST /api/me/addresses         -    own  own  own  own  -
PUT /api/me/addresses/:id      -    own  own  own  own  -
DELETE /api/me/addresses/:id   -    own  own  own  own  -
GET /api/me/export             -    own  own  own  own  -
POST /api/me/erasure           -    own  own  own  own  -
GET /api/customers             -    -    all  -    all  customers:read
GET /api/customers/:id         -    -    all  -    all  customers:read
PUT /api/customers/:id/role    -    -    -    -    all  -
POST /api/customers/:id/erasure -   -    -    -    all  -
`;

const ROWS = MATRIX.trim()
  .split('\n')
  .map((line) => {
    const [method = '', path = '', ...cells] = line.split(/ +/);
    const [guest = '', customer = '', support = '', warehouse = '', admin = '', scope = ''] = cells;
    return {
      operation: `${method} ${path}`,
      method,
      path,
      guest,
      customer,
      support,
      warehouse,
      admin,
      scope,
    };
  });
type Row = (typeof ROWS)[number];

const account = (role: 'customer' | 'support' | 'warehouse' | 'admin'): Principal => ({
  kind: 'account',
  customerId: `cus_${'0'.repeat(26)}`,
  role,
  sessionId: 'one',
});
const machine = (scopes: Scope[]): Principal => ({ kind: 'machine', keyId: 'key_1', scopes });

const isForAnyMachine = ({ guest, scope }: Row): boolean => guest === 'all' && scope === '-';

/** Every kind of caller by its token, and the status it gets from operations that its policy does not permit. */
const CALLERS: [caller: string, principal: Principal, isPermitted: (row: Row) => boolean, status: number][] =
  [
    ['guest', { kind: 'guest' }, ({ guest }) => guest === 'all', 401],
    ['order-token', { kind: 'order_token', orderId: 'ord_1' }, ({ guest }) => guest !== '-', 401],
    ['customer', account('customer'), ({ customer }) => customer !== '-', 403],
    ['support', account('support'), ({ support }) => support !== '-', 403],
    ['warehouse', account('warehouse'), ({ warehouse }) => warehouse !== '-', 403],
    ['admin', account('admin'), ({ admin }) => admin !== '-', 403],
    [
      'machine-with-all-scopes',
      machine([...SCOPES]),
      ({ guest, scope }) => guest === 'all' || scope !== '-',
      403,
    ],
    ['machine-without-scopes', machine([]), isForAnyMachine, 403],
    ...SCOPES.map((granted): (typeof CALLERS)[number] => [
      `machine-with-${granted}`,
      machine([granted]),
      (row) => isForAnyMachine(row) || row.scope === granted,
      403,
    ]),
  ];

const policies = new Map(
  ENDPOINTS.flatMap((endpoint) =>
    endpoint.policy === null ? [] : [[endpointName(endpoint), endpoint.policy] as const],
  ),
);

let api: ApiServer;
beforeAll(async () => {
  const principals = new Map(CALLERS.map(([caller, principal]) => [caller, principal]));
  // Without a store: permitted requests fail later, with another status.
  const authenticate = async (token: string) => principals.get(token.replace('.', ':')) ?? null;
  api = await listen(createApp(createApiContext({ authenticate })), '127.0.0.1', 0);
});
afterAll(() => api?.stop(0));

test('every endpoint with a policy has a row, and every row an endpoint', () => {
  expect(ROWS.map(({ operation }) => operation).toSorted()).toEqual([...policies.keys()].toSorted());
});

test('declares a policy for every endpoint under /api, and serves nothing else there', () => {
  const declared = ENDPOINTS.filter(({ path }) => path.startsWith('/api')).map(endpointName);
  expect(declared.toSorted()).toEqual([...policies.keys()].toSorted());
  expect(listRoutes(createApp(createApiContext())).filter((name) => name.includes('/api'))).toEqual([]);
});

test.each(ROWS)('declares the policy of the row for $operation', ({ operation, ...row }) => {
  const { guest, customer, support, warehouse, admin, scope } = policies.get(operation) as Policy;
  const cell = (reach: string | null) => (reach === 'none' || reach === null ? '-' : reach);
  expect([guest, customer, support, warehouse, admin, scope].map(cell)).toEqual([
    row.guest,
    row.customer,
    row.support,
    row.warehouse,
    row.admin,
    row.scope,
  ]);
});

test.each(ROWS)('$operation permits the callers of its row and rejects all others', async (row) => {
  const results = await Promise.all(
    CALLERS.map(async ([caller]) => {
      const headers: Record<string, string> =
        caller === 'guest' ? {} : { authorization: `Bearer ${caller.replace(':', '.')}` };
      const { status } = await sendRequest(`${api.url}${row.path.replace(/:\w+/, 'some-1')}`, {
        method: row.method,
        headers,
      });
      return [caller, status === 401 || status === 403 ? status : 'permitted'];
    }),
  );
  expect(results).toEqual(
    CALLERS.map(([caller, , isPermitted, status]) => [caller, isPermitted(row) ? 'permitted' : status]),
  );
});
