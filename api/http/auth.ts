import type { AuditContext } from '../../domain/inventory/stock-events';
import type { Actor } from '../../domain/orders/order';
import {
  type Access,
  getAccessScope,
  isStaff,
  type Policy,
  type Principal,
} from '../../domain/shared/access';
import { AppError } from '../../domain/shared/errors';
import { BEARER_CHALLENGE, invalidToken } from '../../services/auth/auth-errors';

/** @returns the bearer of a token; null when the token is unknown, revoked or expired. */
export type Authenticator = (token: string) => Promise<Principal | null>;

const BEARER = /^Bearer +([\w.~+/-]+=*) *$/i;

/** Without credentials the caller is a guest. @throws AppError `invalid_token`, on every endpoint. */
export async function resolvePrincipal(
  authorization: string | undefined,
  authenticate: Authenticator,
): Promise<Principal> {
  if (authorization === undefined) return { kind: 'guest' };
  const token = BEARER.exec(authorization)?.[1];
  const principal = token === undefined ? null : await authenticate(token);
  if (principal !== null) return principal;
  throw invalidToken();
}

export const unauthenticated = (): AppError =>
  new AppError('unauthenticated', 'Send an Authorization header with an access token or an order token.', {
    headers: { 'WWW-Authenticate': BEARER_CHALLENGE },
  });

/** @throws AppError `unauthenticated`, `forbidden` */
export function authorize(principal: Principal, policy: Policy): Access {
  const scope = getAccessScope(policy, principal);
  if (scope !== 'none') return { principal, scope };
  const isAnonymous = principal.kind === 'guest' || principal.kind === 'order_token';
  throw isAnonymous
    ? unauthenticated()
    : new AppError('forbidden', 'The credentials do not permit this operation.');
}

/** @throws Error when the endpoint's policy admits callers without an account. */
export function requireAccount({ principal }: Access): Extract<Principal, { kind: 'account' }> {
  if (principal.kind !== 'account') throw new Error('the policy admits callers without an account');
  return principal;
}

/** The caller as domain events record it. */
export function toActor(principal: Principal): Actor {
  switch (principal.kind) {
    case 'guest':
    case 'order_token':
      return { kind: 'guest' };
    case 'account':
      return { kind: isStaff(principal.role) ? 'staff' : 'customer', id: principal.customerId };
    case 'machine':
      return { kind: 'machine', id: principal.keyId };
  }
}

export const auditContext = (actor: Actor): AuditContext => ({ actor, atMs: Date.now() });
