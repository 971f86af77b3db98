/** Who may do what: the roles of people, the scopes of machines, and how far each reaches. */

export const ROLES = ['customer', 'support', 'warehouse', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** What a machine's key may be given. */
export const SCOPES = [
  'orders:read',
  'orders:write',
  'catalogue:write',
  'inventory:read',
  'inventory:write',
  'customers:read',
] as const;
export type Scope = (typeof SCOPES)[number];

/** Who makes a request, as far as that has been proved. */
export type Principal =
  | { kind: 'guest' }
  /** Bears the token that a guest was given for one order. */
  | { kind: 'order_token'; orderId: string }
  | { kind: 'account'; customerId: string; role: Role; sessionId: string }
  | { kind: 'machine'; keyId: string; scopes: readonly Scope[] };

/** `all`: anybody's; `own`: what belongs to the caller; `none`: nothing. */
export type AccessScope = 'none' | 'own' | 'all';

/** How far each kind of caller reaches at one address. `guest` holds for the bearer of an order token, too. */
export type Policy = Readonly<Record<'guest' | Role, AccessScope>> & {
  /** What a machine's key must have to reach all. Where there is none a machine reaches what anyone may, and no more. */
  readonly scope: Scope | null;
};

export function getAccessScope(policy: Policy, principal: Principal): AccessScope {
  switch (principal.kind) {
    case 'guest':
      // Nothing belongs to somebody unknown.
      return policy.guest === 'all' ? 'all' : 'none';
    case 'order_token':
      return policy.guest;
    case 'account':
      return policy[principal.role];
    case 'machine':
      // What needs a scope needs it also where a guest needs nothing: a key that was made to read does no more.
      if (policy.scope === null) return policy.guest === 'all' ? 'all' : 'none';
      return principal.scopes.includes(policy.scope) ? 'all' : 'none';
  }
}

/** What a request may touch. */
export interface Access {
  principal: Principal;
  scope: AccessScope;
}

export const isStaff = (role: Role): boolean => role !== 'customer';

/** Whether an order lies within reach. */
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
