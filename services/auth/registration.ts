import type { PendingRegistration } from '../../db/auth/registrations';
import type { Tx } from '../../db/core/connect';
import {
  accountCreated,
  duplicateRegistrationAttempted,
  registrationRequested,
} from '../../domain/customers/account-events';
import { AppError } from '../../domain/shared/errors';
import { generateRandomId, newCustomerId, newOneTimeTokenId } from '../shared/new-ids';
import { retryOnDuplicate } from '../shared/retry-on-duplicate';
import type { AuthDependencies, DeferredWork, Tokens } from './auth-dependencies';
import { invalidCredentials, linkExpired } from './auth-errors';
import { assertStrongPassword } from './passwords/passwords';
import { issueTokens, openSession } from './sessions';

export interface RegistrationRequest {
  /** Lower case. */
  email: string;
  password: string;
  name: string | null;
}

const REGISTRATION_LINK_TTL_MS = 24 * 60 * 60_000;

/**
 * Checks a registration. Errors do not depend on whether the address has an account.
 * @returns deferred work that stores the registration and mails a confirmation link; for an address with an account, the
 *   mail states that instead.
 * @throws AppError `invalid_request`, `overloaded`
 */
export async function register(
  auth: AuthDependencies,
  { email, password, name }: RegistrationRequest,
): Promise<DeferredWork> {
  const { store, passwords } = auth;
  assertStrongPassword(password, email, '/password');
  // Hashed for an existing account as well: both cases take the same time.
  const passwordHash = await passwords.hash(password);
  const account = await store.accounts.findByEmail(email);
  return async () => {
    if (account === null) await createPendingRegistration(auth, { email, name, passwordHash });
    else await recordDuplicateRegistration(auth, account.customerId);
  };
}

const recordDuplicateRegistration = ({ store, now }: AuthDependencies, customerId: string): Promise<void> =>
  store.db.write(async (tx) => {
    const head = await store.log.lockHead(customerId, tx);
    await store.log.append(head, [duplicateRegistrationAttempted(customerId, generateRandomId(), now())], tx);
  });

const createPendingRegistration = (
  { store, now }: AuthDependencies,
  registration: Pick<PendingRegistration, 'email' | 'name' | 'passwordHash'>,
): Promise<void> =>
  store.db.write(async (tx) => {
    const atMs = now();
    const tokenId = newOneTimeTokenId();
    const expiresAtMs = atMs + REGISTRATION_LINK_TTL_MS;
    await store.oneTimeTokens.add(
      { id: tokenId, purpose: 'registration', subject: tokenId, expiresAtMs },
      tx,
    );
    await store.registrations.add({ ...registration, tokenId, expiresAtMs }, tx);
    await store.log.append(await store.log.lockHead(tokenId, tx), [registrationRequested(tokenId, atMs)], tx);
  });

/**
 * Creates the account of a pending registration, for the guest customer with this address or a new customer, and logs in.
 * The link proves access to the mailbox, the password that the same person registered. A wrong password does not use up
 * the link.
 * @throws AppError `link_expired`, `invalid_credentials`, `account_exists`, `overloaded`
 */
export async function confirmRegistration(
  auth: AuthDependencies,
  token: string,
  password: string,
): Promise<Tokens> {
  const tokenId = auth.linkTokens.verify(token, 'registration');
  const pending = tokenId === null ? null : await findPendingRegistration(auth, tokenId);
  // Checked before the expensive hash.
  if (tokenId === null || pending === null) throw linkExpired();
  const verification = await auth.passwords.verify(pending.passwordHash, password);
  if (verification === 'invalid') throw invalidCredentials();
  // A second link of the same address, or an order, may create the customer concurrently.
  const result = await retryOnDuplicate(() => auth.store.db.write((tx) => createAccount(auth, tokenId, tx)));
  switch (result) {
    case 'link_expired':
      throw linkExpired();
    case 'account_exists':
      throw new AppError('account_exists', 'This email address already has an account. Log in.');
    default:
      return issueTokens(auth, { customerId: result.customerId, role: 'customer' }, result);
  }
}

/** @returns null when the registration does not exist or has expired. */
async function findPendingRegistration(
  { store, now }: AuthDependencies,
  tokenId: string,
): Promise<PendingRegistration | null> {
  const pending = await store.registrations.find(tokenId);
  return pending === null || pending.expiresAtMs < now() ? null : pending;
}

async function createAccount({ store, ...auth }: AuthDependencies, tokenId: string, tx: Tx) {
  const atMs = auth.now();
  if ((await store.oneTimeTokens.consume(tokenId, 'registration', atMs, tx)) === null) return 'link_expired';
  const pending = await store.registrations.find(tokenId, tx);
  if (pending === null) return 'link_expired';
  await store.registrations.remove(tokenId, tx);
  const customerId = await store.contacts.findOrCreateCustomer(pending.email, newCustomerId(), atMs, tx);
  if ((await store.accounts.find(customerId, tx)) !== null) return 'account_exists';
  const { passwordHash, name } = pending;
  await store.accounts.create({ customerId, passwordHash, role: 'customer', createdAtMs: atMs }, tx);
  if (name !== null) await store.contacts.updateProfile(customerId, { name }, tx);
  const head = await store.log.lockHead(customerId, tx);
  const opened = await openSession({ store, ...auth }, customerId, tx);
  const created = accountCreated(customerId, 'customer', { kind: 'customer', id: customerId }, atMs);
  await store.log.append(head, [created, ...opened.events], tx);
  return { customerId, ...opened };
}
