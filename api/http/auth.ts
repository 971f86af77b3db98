import type { Request, RequestHandler } from 'express';
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

/** Finds out who it is that bears a token; null when the token is none of ours, or no longer. */
export type Authenticator = (token: string) => Promise<Principal | null>;

const principalByRequest = new WeakMap<Request, Principal>();
const accessByRequest = new WeakMap<Request, Access>();

const BEARER = /^Bearer +([\w.~+/-]+=*) *$/i;

/** Who makes each request. Who shows no token is a guest; a token that is not valid is refused, also where none is needed. */
export const createAuthMiddleware =
  (authenticate: Authenticator): RequestHandler =>
  async (req, _res, next) => {
    principalByRequest.set(req, await resolvePrincipal(req.get('authorization'), authenticate));
    next();
  };

async function resolvePrincipal(header: string | undefined, authenticate: Authenticator): Promise<Principal> {
  if (header === undefined) return { kind: 'guest' };
  const token = BEARER.exec(header)?.[1];
  const principal = token === undefined ? null : await authenticate(token);
  if (principal !== null) return principal;
  throw invalidToken();
}

/** @throws Failure `unauthenticated`, `forbidden` */
export function authorize(req: Request, policy: Policy): void {
  const principal = getPrincipal(req);
  const reach = getAccessScope(policy, principal);
  if (reach === 'none') {
    const isUnknown = principal.kind === 'guest' || principal.kind === 'order_token';
    throw isUnknown ? unauthenticated() : new AppError('forbidden', 'You may not do this.');
  }
  accessByRequest.set(req, { principal, scope: reach });
}

export const unauthenticated = (): AppError =>
  new AppError('unauthenticated', 'This needs a token: log in, or use the token of the order.', {
    headers: { 'WWW-Authenticate': BEARER_CHALLENGE },
  });

export function getPrincipal(req: Request): Principal {
  const principal = principalByRequest.get(req);
  if (principal === undefined) throw new Error('nobody has asked who makes the request');
  return principal;
}

/** What the request may touch. */
export function getAccess(req: Request): Access {
  const access = accessByRequest.get(req);
  if (access === undefined) throw new Error('the address has no policy');
  return access;
}

/** Whose account makes the request, at an address that is for accounts only. */
export function requireAccount(req: Request): Extract<Principal, { kind: 'account' }> {
  const principal = getPrincipal(req);
  if (principal.kind !== 'account') throw new Error('the policy of this address lets in more than accounts');
  return principal;
}

/** Who does what the request asks for, as events tell it. */
export function getActor(req: Request): Actor {
  const principal = getPrincipal(req);
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

/** Who does it, and that it is now. */
export const auditContext = (req: Request): AuditContext => ({ actor: getActor(req), atMs: Date.now() });
