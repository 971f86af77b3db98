/** Authorization: roles of accounts, scopes of API keys, and the access each of them gets from a policy. */

export const ROLES = ['customer', 'support', 'warehouse', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Scopes that can be granted to an API key. */
export const SCOPES = [
  'orders:read',
  'orders:write',
  'catalogue:write',
  'inventory:read',
  'inventory:write',
  'customers:read',
] as const;
export type Scope = (typeof SCOPES)[number];

/** The authenticated caller of a request. */
export type Principal =
  | { kind: 'guest' }
  /** Holds the token of one order, returned when a guest placed it. */
  | { kind: 'order_token'; orderId: string }
  | { kind: 'account'; customerId: string; role: Role; sessionId: string }
  | { kind: 'machine'; keyId: string; scopes: readonly Scope[] };

/** `all`: every resource; `own`: resources that belong to the caller; `none`: no access. */
export type AccessScope = 'none' | 'own' | 'all';

/** The access scope of each kind of caller at one endpoint. `guest` also applies to order tokens. */
export type Policy = Readonly<Record<'guest' | Role, AccessScope>> & {
  /** The API key scope that grants `all`. Without one, an API key has the access of a guest. */
  readonly scope: Scope | null;
};

export function getAccessScope(policy: Policy, principal: Principal): AccessScope {
  switch (principal.kind) {
    case 'guest':
      // A guest owns nothing.
      return policy.guest === 'all' ? 'all' : 'none';
    case 'order_token':
      return policy.guest;
    case 'account':
      return policy[principal.role];
    case 'machine':
      // The scope is required even if a guest needs none: a read-only key must never write.
      if (policy.scope === null) return policy.guest === 'all' ? 'all' : 'none';
      return principal.scopes.includes(policy.scope) ? 'all' : 'none';
  }
}

/** The caller of a request with its access scope. */
export interface Access {
  principal: Principal;
  scope: AccessScope;
}

export const isStaff = (role: Role): boolean => role !== 'customer';

export function canAccessOrder(
  { principal, scope }: Access,
  order: { id: string; customerId: string },
): boolean {
  if (scope !== 'own') return scope === 'all';
  switch (principal.kind) {
    case 'order_token':
      return principal.orderId === order.id;
    case 'account':
      return principal.customerId === order.customerId;
    default:
      return false;
  }
}
