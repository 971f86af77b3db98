import { createHash, randomBytes } from 'node:crypto';
import type { Account } from '../../db/auth/accounts';
import { MAX_SESSIONS, type Session } from '../../db/auth/sessions';
import type { Tx } from '../../db/core/connect';
import type { StreamHead } from '../../db/events/event-log';
import { type RevocationReason, sessionOpened, sessionRevoked } from '../../domain/customers/account-events';
import type { Actor } from '../../domain/orders/order';
import type { DomainEvent } from '../../domain/shared/events';
import { newSessionId } from '../shared/new-ids';
import type { AuthDependencies, Tokens } from './auth-dependencies';
import { invalidRefreshToken } from './auth-errors';

const DAY_MS = 24 * 60 * 60_000;
/** A session ends when it was not used for so long, … */
const IDLE_TIMEOUT_MS = 30 * DAY_MS;
/** … and in any case when it is so old: then the password is asked for again. */
const ABSOLUTE_TIMEOUT_MS = 180 * DAY_MS;
/** For an answer that was lost: how long after a rotation the token before is good for another successor. */
export const REUSE_GRACE_MS = 10_000;
/** Rotations after which a token is no longer known to have been ours: 10 days of a client that never rests. */
const RETAINED_GENERATIONS = 1_000;
const SECRET_BYTES = 32;

const REFRESH_TOKEN_PATTERN = /^[\w-]{43}$/;
const generateRefreshToken = (): string => randomBytes(SECRET_BYTES).toString('base64url');
const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/** What a log-in comes to inside its transaction: the caller appends the events to the customer's stream. */
export interface OpenedSession {
  sessionId: string;
  refreshToken: string;
  events: DomainEvent[];
}

/** Opens a session, and ends the one used the longest ago when there are too many. The customer's stream is locked. */
export async function openSession(
  { store, now }: AuthDependencies,
  customerId: string,
  tx: Tx,
): Promise<OpenedSession> {
  const { sessions } = store;
  const atMs = now();
  const sessionId = newSessionId();
  const refreshToken = generateRefreshToken();
  const others = await sessions.findByCustomer(customerId, 0, tx);
  const surplus = others
    .toSorted((a, b) => b.rotatedAtMs - a.rotatedAtMs)
    .slice(MAX_SESSIONS - 1)
    .map(({ id }) => id);
  await sessions.remove(surplus, tx);
  await sessions.create(
    {
      id: sessionId,
      customerId,
      generation: 1,
      openedAtMs: atMs,
      rotatedAtMs: atMs,
      rotatedBy: null,
      expiresAtMs: atMs + IDLE_TIMEOUT_MS,
    },
    tx,
  );
  await sessions.addToken(hashToken(refreshToken), { sessionId, generation: 1 }, tx);
  const self: Actor = { kind: 'customer', id: customerId };
  return {
    sessionId,
    refreshToken,
    events: [
      ...surplus.map((id) => sessionRevoked(customerId, id, 'too_many', self, atMs)),
      sessionOpened(customerId, sessionId, atMs),
    ],
  };
}

/** What the owner of a session is answered with. */
export async function issueTokens(
  { accessTokens }: AuthDependencies,
  { customerId, role }: Pick<Account, 'customerId' | 'role'>,
  { sessionId, refreshToken }: Pick<OpenedSession, 'sessionId' | 'refreshToken'>,
): Promise<Tokens> {
  const { token, expiresInSeconds } = await accessTokens.issue({ customerId, role, sessionId });
  return { accessToken: token, expiresInSeconds, refreshToken };
}

type RotationResult =
  | { outcome: 'rotated'; session: Session; refreshToken: string }
  | { outcome: 'reused' }
  | { outcome: 'unknown' };

/**
 * Gives new tokens for a refresh token, which can be used once. One that was used before ends its session: it is in two
 * hands. Except for a moment after its use, while no successor was used: then the answer was lost.
 * @throws AppError `invalid_refresh_token`
 */
export async function refreshTokens(identity: AuthDependencies, refreshToken: string): Promise<Tokens> {
  const rotation = REFRESH_TOKEN_PATTERN.test(refreshToken)
    ? await identity.store.db.write((tx) => rotateRefreshToken(identity, hashToken(refreshToken), tx))
    : ({ outcome: 'unknown' } as const);
  switch (rotation.outcome) {
    case 'rotated': {
      const account = await identity.store.accounts.find(rotation.session.customerId);
      if (account === null) throw invalidRefreshToken();
      return issueTokens(identity, account, { ...rotation, sessionId: rotation.session.id });
    }
    case 'reused':
    case 'unknown':
      throw invalidRefreshToken();
  }
}

async function rotateRefreshToken(
  { store, now }: AuthDependencies,
  tokenHash: string,
  tx: Tx,
): Promise<RotationResult> {
  const { log, sessions } = store;
  const token = await sessions.findToken(tokenHash, tx);
  const owner = token && (await sessions.find(token.sessionId, tx));
  if (token === null || owner === null) return { outcome: 'unknown' };
  // Always the stream before the session: who ends sessions comes the same way.
  const head = await log.lockHead(owner.customerId, tx);
  const session = await sessions.lock(token.sessionId, tx);
  const atMs = now();
  if (session === null || session.expiresAtMs <= atMs) return { outcome: 'unknown' };

  const isCurrent = token.generation === session.generation;
  // Only the one that made the rotation: its siblings were given out by a grace, and are used up with it.
  const isLost = tokenHash === session.rotatedBy && atMs - session.rotatedAtMs <= REUSE_GRACE_MS;
  if (!isCurrent && !isLost) {
    await revokeLockedSession(
      { store, now },
      session,
      { reason: 'reuse', actor: { kind: 'system' }, head },
      tx,
    );
    return { outcome: 'reused' };
  }
  const refreshToken = generateRefreshToken();
  const generation = token.generation + 1;
  if (isCurrent) {
    const expiresAtMs = Math.min(atMs + IDLE_TIMEOUT_MS, session.openedAtMs + ABSOLUTE_TIMEOUT_MS);
    await sessions.rotate(
      { id: session.id, generation, rotatedAtMs: atMs, rotatedBy: tokenHash, expiresAtMs },
      tx,
    );
    await sessions.removeTokens(session.id, generation - RETAINED_GENERATIONS, tx);
  }
  await sessions.addToken(hashToken(refreshToken), { sessionId: session.id, generation }, tx);
  return { outcome: 'rotated', session, refreshToken };
}

/** Ends the session that a refresh token belongs to, also by one that was used before. Does nothing for any other text. */
export async function logOut(identity: AuthDependencies, refreshToken: string): Promise<void> {
  const { sessions } = identity.store;
  const token = REFRESH_TOKEN_PATTERN.test(refreshToken)
    ? await sessions.findToken(hashToken(refreshToken))
    : null;
  const session = token === null ? null : await sessions.find(token.sessionId);
  if (session === null) return;
  const self: Actor = { kind: 'customer', id: session.customerId };
  await revokeSession(identity, session.customerId, session.id, 'logout', self);
}

/** @returns false when the customer has no such session (any more). */
export const revokeSession = (
  { store, now }: AuthDependencies,
  customerId: string,
  sessionId: string,
  reason: RevocationReason,
  actor: Actor,
): Promise<boolean> =>
  store.db.write(async (tx) => {
    const { log, sessions } = store;
    const head = await log.lockHead(customerId, tx);
    const session = await sessions.lock(sessionId, tx);
    if (session?.customerId !== customerId) return false;
    await revokeLockedSession({ store, now }, session, { reason, actor, head }, tx);
    return true;
  });

/** Ends a session that is locked, as the head of its customer's stream is. */
async function revokeLockedSession(
  { store, now }: Pick<AuthDependencies, 'store' | 'now'>,
  { id, customerId }: Session,
  { reason, actor, head }: { reason: RevocationReason; actor: Actor; head: StreamHead },
  tx: Tx,
): Promise<void> {
  await store.sessions.remove([id], tx);
  await store.log.append(head, [sessionRevoked(customerId, id, reason, actor, now())], tx);
}

/** Ends all sessions of a customer. */
export const logOutEverywhere = (
  { store, now }: AuthDependencies,
  customerId: string,
  actor: Actor,
): Promise<void> =>
  store.db.write(async (tx) => {
    const head = await store.log.lockHead(customerId, tx);
    const events = await revokeSessions({ store, now }, customerId, { reason: 'logout', actor }, tx);
    await store.log.append(head, events, tx);
  });

/**
 * Ends the sessions of a customer whose stream is locked, but for one that may be kept.
 * @returns the events for the caller to append.
 */
export async function revokeSessions(
  { store, now }: Pick<AuthDependencies, 'store' | 'now'>,
  customerId: string,
  { reason, actor, except }: { reason: RevocationReason; actor: Actor; except?: string },
  tx: Tx,
): Promise<DomainEvent[]> {
  const atMs = now();
  const live = await store.sessions.findByCustomer(customerId, 0, tx);
  const ids = live.map(({ id }) => id).filter((id) => id !== except);
  await store.sessions.remove(ids, tx);
  return ids.map((id) => sessionRevoked(customerId, id, reason, actor, atMs));
}
