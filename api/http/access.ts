import type { Request, RequestHandler } from 'express';
import type { Cause } from '../../domain/inventory/stock-events';
import type { Actor } from '../../domain/orders/order';
import { type Access, isStaff, type Policy, type Principal, reachOf } from '../../domain/shared/access';
import { Failure } from '../../domain/shared/failures';

/** Finds out who it is that bears a token; null when the token is none of ours, or no longer. */
export type Authenticate = (token: string) => Promise<Principal | null>;

const known = new WeakMap<Request, Principal>();
const granted = new WeakMap<Request, Access>();

const BEARER = /^Bearer +([\w.~+/-]+=*) *$/i;
const CHALLENGE = 'Bearer realm="orders"';

/** Who makes each request. Who shows no token is a guest; a token that is not valid is refused, also where none is needed. */
export const authenticated =
  (authenticate: Authenticate): RequestHandler =>
  async (req, _res, next) => {
    known.set(req, await principalOf(req.get('authorization'), authenticate));
    next();
  };

async function principalOf(header: string | undefined, authenticate: Authenticate): Promise<Principal> {
  if (header === undefined) return { kind: 'guest' };
  const token = BEARER.exec(header)?.[1];
  const principal = token === undefined ? null : await authenticate(token);
  if (principal !== null) return principal;
  throw invalidToken();
}

export const invalidToken = (): Failure =>
  new Failure('invalid_token', 'The token is not valid, or no longer. Log in again.', {
    headers: { 'WWW-Authenticate': `${CHALLENGE}, error="invalid_token"` },
  });

/** @throws Failure `unauthenticated`, `forbidden` */
export function allow(req: Request, policy: Policy): void {
  const principal = principalOfRequest(req);
  const reach = reachOf(policy, principal);
  if (reach === 'none') {
    const isUnknown = principal.kind === 'guest' || principal.kind === 'order_token';
    throw isUnknown ? unauthenticated() : new Failure('forbidden', 'You may not do this.');
  }
  granted.set(req, { principal, reach });
}

export const unauthenticated = (): Failure =>
  new Failure('unauthenticated', 'This needs a token: log in, or use the token of the order.', {
    headers: { 'WWW-Authenticate': CHALLENGE },
  });

export function principalOfRequest(req: Request): Principal {
  const principal = known.get(req);
  if (principal === undefined) throw new Error('nobody has asked who makes the request');
  return principal;
}

/** What the request may touch. */
export function accessOf(req: Request): Access {
  const access = granted.get(req);
  if (access === undefined) throw new Error('the address has no policy');
  return access;
}

/** Whose account makes the request, at an address that is for accounts only. */
export function accountOf(req: Request): Extract<Principal, { kind: 'account' }> {
  const principal = principalOfRequest(req);
  if (principal.kind !== 'account') throw new Error('the policy of this address lets in more than accounts');
  return principal;
}

/** Who does what the request asks for, as events tell it. */
export function actorOf(req: Request): Actor {
  const principal = principalOfRequest(req);
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
export const causeOf = (req: Request): Cause => ({ actor: actorOf(req), atMs: Date.now() });
