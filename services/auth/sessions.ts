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
/** A session expires when it is not used for this long, … */
const IDLE_TIMEOUT_MS = 30 * DAY_MS;
/** … and at this age in any case: the customer then logs in again. */
const ABSOLUTE_TIMEOUT_MS = 180 * DAY_MS;
/** How long after a rotation the previous token can be used once more, in case the response was lost. */
export const REUSE_GRACE_MS = 10_000;
/** Older tokens are deleted, and no longer recognized as reused: ten days of a client that refreshes continuously. */
const RETAINED_GENERATIONS = 1_000;
const SECRET_BYTES = 32;

const REFRESH_TOKEN_PATTERN = /^[\w-]{43}$/;
const generateRefreshToken = (): string => randomBytes(SECRET_BYTES).toString('base64url');
const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/** A session opened in the caller's transaction. The caller appends the events to the customer's stream. */
export interface OpenedSession {
  sessionId: string;
  refreshToken: string;
  events: DomainEvent[];
}

/** Opens a session and revokes the least recently used ones above the limit. The caller has locked the stream. */
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
 * Exchanges a refresh token for new tokens; it can be used once. Reuse revokes the session, because the token may be
 * stolen. Exception: within the grace period while no successor was used, the response is assumed lost.
 * @throws AppError `invalid_refresh_token`
 */
export async function refreshTokens(auth: AuthDependencies, refreshToken: string): Promise<Tokens> {
  const rotation = REFRESH_TOKEN_PATTERN.test(refreshToken)
    ? await auth.store.db.write((tx) => rotateRefreshToken(auth, hashToken(refreshToken), tx))
    : ({ outcome: 'unknown' } as const);
  switch (rotation.outcome) {
    case 'rotated': {
      const account = await auth.store.accounts.find(rotation.session.customerId);
      if (account === null) throw invalidRefreshToken();
      return issueTokens(auth, account, { ...rotation, sessionId: rotation.session.id });
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
  // Lock order: stream, then session, as in every revocation.
  const head = await log.lockHead(owner.customerId, tx);
  const session = await sessions.lock(token.sessionId, tx);
  const atMs = now();
  if (session === null || session.expiresAtMs <= atMs) return { outcome: 'unknown' };

  const isCurrent = token.generation === session.generation;
  // Only the token that was rotated; other tokens of the same generation become invalid.
  const isResponseLost = tokenHash === session.rotatedBy && atMs - session.rotatedAtMs <= REUSE_GRACE_MS;
  if (!isCurrent && !isResponseLost) {
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

/** Revokes the session of a refresh token, used or not. Ignores any other text. */
export async function logOut(auth: AuthDependencies, refreshToken: string): Promise<void> {
  const { sessions } = auth.store;
  const token = REFRESH_TOKEN_PATTERN.test(refreshToken)
    ? await sessions.findToken(hashToken(refreshToken))
    : null;
  const session = token === null ? null : await sessions.find(token.sessionId);
  if (session === null) return;
  const self: Actor = { kind: 'customer', id: session.customerId };
  await revokeSession(auth, session.customerId, session.id, 'logout', self);
}

/** @returns false when the customer has no such session. */
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

/** The caller has locked the session and the head of its customer's stream. */
async function revokeLockedSession(
  { store, now }: Pick<AuthDependencies, 'store' | 'now'>,
  { id, customerId }: Session,
  { reason, actor, head }: { reason: RevocationReason; actor: Actor; head: StreamHead },
  tx: Tx,
): Promise<void> {
  await store.sessions.remove([id], tx);
  await store.log.append(head, [sessionRevoked(customerId, id, reason, actor, now())], tx);
}

/** Revokes all sessions of a customer. */
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
 * Revokes the sessions of a customer whose stream the caller has locked.
 * @param exceptSessionId a session that stays valid.
 * @returns the events for the caller to append.
 */
export async function revokeSessions(
  { store, now }: Pick<AuthDependencies, 'store' | 'now'>,
  customerId: string,
  { reason, actor, exceptSessionId }: { reason: RevocationReason; actor: Actor; exceptSessionId?: string },
  tx: Tx,
): Promise<DomainEvent[]> {
  const atMs = now();
  const sessions = await store.sessions.findByCustomer(customerId, 0, tx);
  const ids = sessions.map(({ id }) => id).filter((id) => id !== exceptSessionId);
  await store.sessions.remove(ids, tx);
  return ids.map((id) => sessionRevoked(customerId, id, reason, actor, atMs));
}
