import type { Account } from '../../db/auth/accounts';
import type { Tx } from '../../db/core/connect';
import type { Store } from '../../db/core/store';
import { accountCreated, roleChanged } from '../../domain/customers/account-events';
import type { Actor } from '../../domain/orders/order';
import type { Role } from '../../domain/shared/access';
import { AppError } from '../../domain/shared/errors';
import { generateRandomId, newCustomerId } from '../shared/new-ids';
import { retryOnDuplicate } from '../shared/retry-on-duplicate';
import type { AuthDependencies } from './auth-dependencies';
import { assertStrongPassword } from './passwords/passwords';
import { revokeSessions } from './sessions';

/**
 * Changes the role of an account and revokes its sessions, whose tokens carry the old role.
 * @throws AppError `not_found`, `last_admin`
 */
export const changeRole = (
  { store, now }: Pick<AuthDependencies, 'store' | 'now'>,
  customerId: string,
  role: Role,
  actor: Actor,
): Promise<void> =>
  store.db.write(async (tx) => {
    const head = await store.log.lockHead(customerId, tx);
    const account = await store.accounts.find(customerId, tx);
    if (account === null) throw new AppError('not_found', 'This account does not exist.');
    if (account.role === role) return;
    await assertNotLastAdmin(store, account, tx);
    await store.accounts.setRole(customerId, role, tx);
    const changed = roleChanged(
      customerId,
      { from: account.role, to: role },
      generateRandomId(),
      actor,
      now(),
    );
    const revoked = await revokeSessions({ store, now }, customerId, { reason: 'role', actor }, tx);
    await store.log.append(head, [changed, ...revoked], tx);
  });

/**
 * One admin must remain. The lock on all admins serializes concurrent removals.
 * @throws AppError `last_admin`
 */
export async function assertNotLastAdmin({ accounts }: Store, account: Account, tx: Tx): Promise<void> {
  if (account.role !== 'admin') return;
  const admins = await accounts.lockByRole('admin', tx);
  if (admins.some((id) => id !== account.customerId)) return;
  throw new AppError('last_admin', 'This is the last admin. Assign the role to another account admin first.');
}

export interface AccountSpec {
  /** Lower case. */
  email: string;
  password: string;
  name: string | null;
  role: Role;
}

/**
 * Creates an account without confirmation of its email address, for operators of the system. The password of an existing
 * account stays unchanged.
 * @throws AppError `invalid_request`, `last_admin`
 */
export async function ensureAccount(
  auth: Pick<AuthDependencies, 'store' | 'now' | 'passwords'>,
  { email, password, name, role }: AccountSpec,
): Promise<'created' | 'changed' | 'unchanged'> {
  const { store, passwords, now } = auth;
  const actor: Actor = { kind: 'system' };
  const existing = await store.accounts.findByEmail(email);
  if (existing !== null) {
    await changeRole(auth, existing.customerId, role, actor);
    return existing.role === role ? 'unchanged' : 'changed';
  }
  assertStrongPassword(password, email, '/password');
  const passwordHash = await passwords.hash(password);
  await retryOnDuplicate(() =>
    store.db.write(async (tx) => {
      const atMs = now();
      const customerId = await store.contacts.findOrCreateCustomer(email, newCustomerId(), atMs, tx);
      await store.accounts.create({ customerId, passwordHash, role, createdAtMs: atMs }, tx);
      if (name !== null) await store.contacts.updateProfile(customerId, { name }, tx);
      const head = await store.log.lockHead(customerId, tx);
      await store.log.append(head, [accountCreated(customerId, role, actor, atMs)], tx);
    }),
  );
  return 'created';
}
