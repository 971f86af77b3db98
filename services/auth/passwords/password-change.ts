import type { Tx } from '../../../db/core/connect';
import { passwordChanged, passwordResetRequested } from '../../../domain/customers/account-events';
import type { Actor } from '../../../domain/orders/order';
import { generateRandomId, newOneTimeTokenId } from '../../shared/new-ids';
import type { AuthDependencies, DeferredWork } from '../auth-dependencies';
import { invalidCredentials, linkExpired } from '../auth-errors';
import { verifyAccountPassword } from '../login';
import { revokeSessions } from '../sessions';
import { assertStrongPassword } from './passwords';

const RESET_LINK_TTL_MS = 60 * 60_000;

/** @returns deferred work that sends a reset link if the address has an account. */
export async function requestPasswordReset(auth: AuthDependencies, email: string): Promise<DeferredWork> {
  const account = await auth.store.accounts.findByEmail(email);
  return async () => {
    if (account !== null) await createPasswordReset(auth, account.customerId);
  };
}

const createPasswordReset = ({ store, now }: AuthDependencies, customerId: string): Promise<void> =>
  store.db.write(async (tx) => {
    const id = newOneTimeTokenId();
    const atMs = now();
    const head = await store.log.lockHead(customerId, tx);
    const expiresAtMs = atMs + RESET_LINK_TTL_MS;
    await store.oneTimeTokens.add({ id, purpose: 'password_reset', subject: customerId, expiresAtMs }, tx);
    await store.log.append(head, [passwordResetRequested(customerId, id, atMs)], tx);
  });

/**
 * Sets a new password with the token of a reset link and revokes all sessions: the old password may be compromised.
 * @throws AppError `link_expired`, `invalid_request`, `overloaded`
 */
export async function resetPassword(auth: AuthDependencies, token: string, password: string): Promise<void> {
  const { store, linkTokens, passwords, now } = auth;
  const tokenId = linkTokens.verify(token, 'password_reset');
  const row = tokenId === null ? null : await store.oneTimeTokens.find(tokenId);
  // Checked before the expensive hash.
  if (tokenId === null || row === null || row.usedAtMs !== null || row.expiresAtMs < now())
    throw linkExpired();
  const customerId = row.subject;
  const email = (await store.contacts.findProfile(customerId))?.email ?? '';
  assertStrongPassword(password, email, '/password');
  const hash = await passwords.hash(password);
  const changed = await store.db.write(async (tx) => {
    const head = await store.log.lockHead(customerId, tx);
    if ((await store.oneTimeTokens.consume(tokenId, 'password_reset', now(), tx)) === null) return false;
    const events = await setPassword(auth, { customerId, hash, changeId: tokenId, method: 'reset' }, tx);
    // Other reset links must not remain valid.
    await store.oneTimeTokens.removeBySubject(customerId, tx);
    await store.log.append(head, events, tx);
    return true;
  });
  if (!changed) throw linkExpired();
}

/**
 * Replaces the password, given the current one, and revokes all other sessions.
 * @throws AppError `invalid_credentials`, `invalid_request`, `overloaded`
 */
export async function changePassword(
  auth: AuthDependencies,
  { customerId, sessionId }: { customerId: string; sessionId: string },
  { currentPassword, newPassword }: { currentPassword: string; newPassword: string },
): Promise<void> {
  const { store, passwords } = auth;
  const account = await verifyAccountPassword(auth, await store.accounts.find(customerId), currentPassword);
  const email = (await store.contacts.findProfile(customerId))?.email ?? '';
  assertStrongPassword(newPassword, email, '/newPassword');
  const hash = await passwords.hash(newPassword);
  const change = {
    customerId,
    hash,
    changeId: generateRandomId(),
    method: 'changed' as const,
    exceptSessionId: sessionId,
  };
  const changed = await store.db.write(async (tx) => {
    const head = await store.log.lockHead(customerId, tx);
    // A concurrent change or reset takes precedence.
    if ((await store.accounts.find(customerId, tx))?.passwordHash !== account.passwordHash) return false;
    const events = await setPassword(auth, change, tx);
    await store.oneTimeTokens.removeBySubject(customerId, tx);
    await store.log.append(head, events, tx);
    return true;
  });
  if (!changed) throw invalidCredentials();
}

interface PasswordChange {
  customerId: string;
  hash: string;
  changeId: string;
  method: 'changed' | 'reset';
  /** The session that stays valid. */
  exceptSessionId?: string;
}

async function setPassword(
  auth: AuthDependencies,
  { customerId, hash, changeId, method, ...rest }: PasswordChange,
  tx: Tx,
) {
  const { store, now } = auth;
  const actor: Actor = { kind: 'customer', id: customerId };
  await store.accounts.setPasswordHash(customerId, hash, tx);
  return [
    passwordChanged(customerId, changeId, method, now()),
    ...(await revokeSessions(auth, customerId, { reason: 'password', actor, ...rest }, tx)),
  ];
}
