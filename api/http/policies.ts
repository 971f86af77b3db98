import type { Policy, Reach, Role, Scope } from '../../domain/shared/access';

const policy = (reach: Partial<Record<'guest' | Role, Reach>>, scope: Scope | null = null): Policy => ({
  guest: 'none',
  customer: 'none',
  support: 'none',
  warehouse: 'none',
  admin: 'none',
  ...reach,
  scope,
});

const EVERYONE = policy({ guest: 'all', customer: 'all', support: 'all', warehouse: 'all', admin: 'all' });
const ADMIN = policy({ admin: 'all' });

/** An order is read by who has its token, by its customer, and by staff. */
const READ_ORDER = policy(
  { guest: 'own', customer: 'own', support: 'all', warehouse: 'all', admin: 'all' },
  'orders:read',
);
const READ_INVENTORY = policy({ support: 'all', warehouse: 'all', admin: 'all' }, 'inventory:read');
const CHANGE_INVENTORY = policy({ warehouse: 'all', admin: 'all' }, 'inventory:write');

const WRITE_CATALOGUE = policy({ admin: 'all' }, 'catalogue:write');
/** Whoever is logged in, about themselves. */
const ACCOUNT = policy({ customer: 'own', support: 'own', warehouse: 'own', admin: 'own' });

const READ_CUSTOMERS = policy({ support: 'all', admin: 'all' }, 'customers:read');

/** Who may do what, at every address under `/api`: one that is not here cannot be served. */
export const POLICIES = {
  'POST /api/orders': policy(
    { guest: 'all', customer: 'own', support: 'all', warehouse: 'own', admin: 'all' },
    'orders:write',
  ),
  'GET /api/orders': policy(
    { customer: 'own', support: 'all', warehouse: 'all', admin: 'all' },
    'orders:read',
  ),
  'GET /api/orders/:id': READ_ORDER,
  'GET /api/orders/:id/history': READ_ORDER,
  'POST /api/orders/:id/cancel': policy(
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
  'POST /api/inventory/:sku/adjustments': CHANGE_INVENTORY,
  'PUT /api/inventory/:sku/threshold': CHANGE_INVENTORY,
  'GET /api/warehouses': READ_INVENTORY,
  'POST /api/warehouses': CHANGE_INVENTORY,
  'GET /api/warehouses/:code': READ_INVENTORY,
  'PUT /api/warehouses/:code': CHANGE_INVENTORY,

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
  'POST /api/auth/password': ACCOUNT,

  'GET /api/me': ACCOUNT,
  'PATCH /api/me': ACCOUNT,
  'GET /api/me/sessions': ACCOUNT,
  'DELETE /api/me/sessions/:id': ACCOUNT,
  'GET /api/me/addresses': ACCOUNT,
  'POST /api/me/addresses': ACCOUNT,
  'PUT /api/me/addresses/:id': ACCOUNT,
  'DELETE /api/me/addresses/:id': ACCOUNT,
  'GET /api/me/export': ACCOUNT,
  'POST /api/me/erasure': ACCOUNT,

  'GET /api/customers': READ_CUSTOMERS,
  'GET /api/customers/:id': READ_CUSTOMERS,
  'PUT /api/customers/:id/role': ADMIN,
  'POST /api/customers/:id/erasure': ADMIN,
} satisfies Record<string, Policy>;

export type Operation = keyof typeof POLICIES;
