import type { Account } from '../../db/auth/accounts';
import type { AuthDependencies, Tokens } from './auth-dependencies';
import { invalidCredentials } from './auth-errors';
import { issueTokens, openSession } from './sessions';

/**
 * Lets somebody in who knows the password. A wrong one takes as long as an address that nobody has.
 * @throws AppError `invalid_credentials`, `overloaded`
 */
export async function logIn(identity: AuthDependencies, email: string, password: string): Promise<Tokens> {
  const { store } = identity;
  const account = await verifyAccountPassword(identity, await store.accounts.findByEmail(email), password);
  const session = await store.db.write(async (tx) => {
    const head = await store.log.lockHead(account.customerId, tx);
    const now = await store.accounts.find(account.customerId, tx);
    // A password that was changed a moment ago ends its sessions: none may be opened with the old one after that.
    if (now?.passwordHash !== account.passwordHash) return null;
    const opened = await openSession(identity, account.customerId, tx);
    await store.log.append(head, opened.events, tx);
    return { ...opened, role: now.role };
  });
  if (session === null) throw invalidCredentials();
  return issueTokens(identity, { ...account, role: session.role }, session);
}

/**
 * The account as it is stored, if the password is its own; its hash is brought up to date.
 * @throws AppError `invalid_credentials`, `overloaded`
 */
export async function verifyAccountPassword(
  { store, passwords }: AuthDependencies,
  account: Account | null,
  password: string,
): Promise<Account> {
  const verdict = await passwords.verify(account?.passwordHash ?? null, password);
  if (account === null || verdict === 'invalid') throw invalidCredentials();
  if (verdict === 'valid') return account;
  const passwordHash = await passwords.hash(password);
  const hashes = { old: account.passwordHash, new: passwordHash };
  if (await store.accounts.replacePasswordHash(account.customerId, hashes))
    return { ...account, passwordHash };
  // Another log-in was faster, or the password was changed: only the hash that is stored now can tell.
  const current = await store.accounts.find(account.customerId);
  const isRight = (await passwords.verify(current?.passwordHash ?? null, password)) !== 'invalid';
  if (current === null || !isRight) throw invalidCredentials();
  return current;
}
