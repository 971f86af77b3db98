import type { AccessScope, Policy, Role, Scope } from '../../domain/shared/access';

const definePolicy = (
  reach: Partial<Record<'guest' | Role, AccessScope>>,
  scope: Scope | null = null,
): Policy => ({
  guest: 'none',
  customer: 'none',
  support: 'none',
  warehouse: 'none',
  admin: 'none',
  ...reach,
  scope,
});

const EVERYONE = definePolicy({
  guest: 'all',
  customer: 'all',
  support: 'all',
  warehouse: 'all',
  admin: 'all',
});
const ADMIN = definePolicy({ admin: 'all' });

/** An order is read by who has its token, by its customer, and by staff. */
const READ_ORDER = definePolicy(
  { guest: 'own', customer: 'own', support: 'all', warehouse: 'all', admin: 'all' },
  'orders:read',
);
const READ_INVENTORY = definePolicy({ support: 'all', warehouse: 'all', admin: 'all' }, 'inventory:read');
const WRITE_INVENTORY = definePolicy({ warehouse: 'all', admin: 'all' }, 'inventory:write');

const WRITE_CATALOGUE = definePolicy({ admin: 'all' }, 'catalogue:write');
/** Whoever is logged in, about themselves. */
const OWN_ACCOUNT = definePolicy({ customer: 'own', support: 'own', warehouse: 'own', admin: 'own' });

const READ_CUSTOMERS = definePolicy({ support: 'all', admin: 'all' }, 'customers:read');

/** Who may do what, at every address under `/api`: one that is not here cannot be served. */
export const POLICIES = {
  'POST /api/orders': definePolicy(
    { guest: 'all', customer: 'own', support: 'all', warehouse: 'own', admin: 'all' },
    'orders:write',
  ),
  'GET /api/orders': definePolicy(
    { customer: 'own', support: 'all', warehouse: 'all', admin: 'all' },
    'orders:read',
  ),
  'GET /api/orders/:id': READ_ORDER,
  'GET /api/orders/:id/history': READ_ORDER,
  'POST /api/orders/:id/cancel': definePolicy(
    { guest: 'own', customer: 'own', support: 'all', warehouse: 'own', admin: 'all' },
    'orders:write',
  ),

  'POST /api/quotes': EVERYONE,

  'GET /api/products': EVERYONE,
  'GET /api/products/:sku': EVERYONE,
  'POST /api/products': WRITE_CATALOGUE,
  'PUT /api/products/:sku': WRITE_CATALOGUE,
  'DELETE /api/products/:sku': WRITE_CATALOGUE,
  'POST /api/products/import': WRITE_CATALOGUE,
  'GET /api/products/imports': WRITE_CATALOGUE,
  'GET /api/products/imports/:id': WRITE_CATALOGUE,

  'GET /api/inventory': READ_INVENTORY,
  'GET /api/inventory/low': READ_INVENTORY,
  'GET /api/inventory/:sku': READ_INVENTORY,
  'GET /api/inventory/:sku/movements': READ_INVENTORY,
  'POST /api/inventory/:sku/adjustments': WRITE_INVENTORY,
  'PUT /api/inventory/:sku/threshold': WRITE_INVENTORY,
  'GET /api/warehouses': READ_INVENTORY,
  'POST /api/warehouses': WRITE_INVENTORY,
  'GET /api/warehouses/:code': READ_INVENTORY,
  'PUT /api/warehouses/:code': WRITE_INVENTORY,

  'POST /api/api-keys': ADMIN,
  'GET /api/api-keys': ADMIN,
  'DELETE /api/api-keys/:id': ADMIN,

  'POST /api/auth/register': EVERYONE,
  'POST /api/auth/confirm': EVERYONE,
  'POST /api/auth/login': EVERYONE,
  'POST /api/auth/refresh': EVERYONE,
  'POST /api/auth/logout': EVERYONE,
  'POST /api/auth/password-reset': EVERYONE,
  'POST /api/auth/password-reset/confirm': EVERYONE,
  'POST /api/auth/password': OWN_ACCOUNT,

  'GET /api/me': OWN_ACCOUNT,
  'PATCH /api/me': OWN_ACCOUNT,
  'GET /api/me/sessions': OWN_ACCOUNT,
  'DELETE /api/me/sessions/:id': OWN_ACCOUNT,
  'GET /api/me/addresses': OWN_ACCOUNT,
  'POST /api/me/addresses': OWN_ACCOUNT,
  'PUT /api/me/addresses/:id': OWN_ACCOUNT,
  'DELETE /api/me/addresses/:id': OWN_ACCOUNT,
  'GET /api/me/export': OWN_ACCOUNT,
  'POST /api/me/erasure': OWN_ACCOUNT,

  'GET /api/customers': READ_CUSTOMERS,
  'GET /api/customers/:id': READ_CUSTOMERS,
  'PUT /api/customers/:id/role': ADMIN,
  'POST /api/customers/:id/erasure': ADMIN,
} satisfies Record<string, Policy>;

export type Operation = keyof typeof POLICIES;
