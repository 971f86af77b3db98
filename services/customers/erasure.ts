import type { Tx } from '../../db/core/connect';
import { customerErased } from '../../domain/customers/account-events';
import type { Actor } from '../../domain/orders/order';
import { AppError } from '../../domain/shared/errors';
import type { AuthDependencies } from '../auth/auth-dependencies';
import { assertNotLastAdmin } from '../auth/roles';
import { revokeSessions } from '../auth/sessions';
import { retryOnDuplicate } from '../shared/retry-on-duplicate';

/** Orders listed in the error. */
const MAX_LISTED_ORDERS = 20;
/**
 * A placement answered 503 leaves a stored placement without an order. After this time it no longer prevents an erasure; if
 * it is started later, the order is rejected (`customer_erased`).
 */
const PENDING_PLACEMENT_TTL_MS = 60 * 60_000;

/**
 * Erases a customer's personal data: clears the contacts of customer and orders, deletes account, sessions and addresses.
 * Orders, payments, log and histories contain ids only. Idempotent. The email address can register again as a new customer.
 * @throws AppError `not_found`, `orders_open` (with `orderIds`): an open order needs its address; `last_admin`
 */
export const eraseCustomer = (
  auth: Pick<AuthDependencies, 'store' | 'now'>,
  customerId: string,
  actor: Actor,
): Promise<void> => retryOnDuplicate(() => auth.store.db.write((tx) => erase(auth, customerId, actor, tx)));

async function erase(
  { store, now }: Pick<AuthDependencies, 'store' | 'now'>,
  customerId: string,
  actor: Actor,
  tx: Tx,
): Promise<void> {
  const { accounts, personalData, registrations, oneTimeTokens, log } = store;
  const head = await log.lockHead(customerId, tx);
  // A placement locks the same row: no order is placed for this customer until the transaction ends.
  const customer = await personalData.lockCustomer(customerId, tx);
  if (customer === undefined) throw new AppError('not_found', 'This customer does not exist.');
  if (customer.erasedAtMs !== null) return;
  const atMs = now();
  // Before the orders are read: an order being created concurrently has either read its contact and is found here, or
  // waits for this lock and is rejected.
  await personalData.erase(customerId, atMs, tx);
  const orderIds = await personalData.findOpenOrders(
    customerId,
    atMs - PENDING_PLACEMENT_TTL_MS,
    MAX_LISTED_ORDERS,
    tx,
  );
  if (orderIds.length > 0) {
    throw new AppError(
      'orders_open',
      'Open orders still need their address. Repeat the request when they are closed.',
      {
        orderIds,
      },
    );
  }
  const account = await accounts.find(customerId, tx);
  if (account !== null) await assertNotLastAdmin(store, account, tx);
  const revoked = await revokeSessions({ store, now }, customerId, { reason: 'erasure', actor }, tx);
  if (customer.email !== null) await registrations.removeByEmail(customer.email, tx);
  await oneTimeTokens.removeBySubject(customerId, tx);
  await accounts.remove(customerId, tx);
  await log.append(head, [...revoked, customerErased(customerId, actor, atMs)], tx);
}
