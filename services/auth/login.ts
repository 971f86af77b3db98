import type { Account } from '../../db/auth/accounts';
import type { AuthDependencies, Tokens } from './auth-dependencies';
import { invalidCredentials } from './auth-errors';
import { issueTokens, openSession } from './sessions';

/**
 * Logs in with email address and password. A wrong password takes as long as an unknown address.
 * @throws AppError `invalid_credentials`, `overloaded`
 */
export async function logIn(auth: AuthDependencies, email: string, password: string): Promise<Tokens> {
  const { store } = auth;
  const account = await verifyAccountPassword(auth, await store.accounts.findByEmail(email), password);
  const session = await store.db.write(async (tx) => {
    const head = await store.log.lockHead(account.customerId, tx);
    const current = await store.accounts.find(account.customerId, tx);
    // A concurrent password change revoked all sessions: the old password must not open another one.
    if (current?.passwordHash !== account.passwordHash) return null;
    const opened = await openSession(auth, account.customerId, tx);
    await store.log.append(head, opened.events, tx);
    return { ...opened, role: current.role };
  });
  if (session === null) throw invalidCredentials();
  return issueTokens(auth, { ...account, role: session.role }, session);
}

/**
 * Verifies the password of an account and rehashes it when the parameters have changed.
 * @returns the account as it is stored.
 * @throws AppError `invalid_credentials`, `overloaded`
 */
export async function verifyAccountPassword(
  { store, passwords }: AuthDependencies,
  account: Account | null,
  password: string,
): Promise<Account> {
  const verification = await passwords.verify(account?.passwordHash ?? null, password);
  if (account === null || verification === 'invalid') throw invalidCredentials();
  if (verification === 'valid') return account;
  const passwordHash = await passwords.hash(password);
  const hashes = { old: account.passwordHash, new: passwordHash };
  if (await store.accounts.replacePasswordHash(account.customerId, hashes))
    return { ...account, passwordHash };
  // A concurrent login rehashed it, or the password was changed: verify against the current hash.
  const current = await store.accounts.find(account.customerId);
  const isRight = (await passwords.verify(current?.passwordHash ?? null, password)) !== 'invalid';
  if (current === null || !isRight) throw invalidCredentials();
  return current;
}
