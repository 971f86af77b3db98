import type { Tx } from '../../db/core/connect';
import { customerErased } from '../../domain/customers/account-events';
import type { Actor } from '../../domain/orders/order';
import { AppError } from '../../domain/shared/errors';
import type { AuthDependencies } from '../auth/auth-dependencies';
import { assertNotLastAdmin } from '../auth/roles';
import { revokeSessions } from '../auth/sessions';
import { retryOnDuplicate } from '../shared/retry-on-duplicate';

/** Orders named in a refusal. */
const MAX_LISTED_ORDERS = 20;
/**
 * A placement that was answered 503 leaves a claim behind and no order: after that time it counts no more, and should it
 * go on later all the same it is rejected (`customer_erased`).
 */
const PLACEMENT_CLAIM_TTL_MS = 60 * 60_000;

/**
 * Forgets who a customer is: their contacts and those of their orders are emptied, account, sessions and addresses are
 * gone. Orders, payments, log and histories stay; they hold ids only. The address can register anew, as somebody else.
 * Twice is once.
 * @throws AppError `not_found`, `orders_open` (with `orderIds`): an open order still needs its address; `last_admin`
 */
export const eraseCustomer = (
  identity: Pick<AuthDependencies, 'store' | 'now'>,
  customerId: string,
  actor: Actor,
): Promise<void> =>
  retryOnDuplicate(() => identity.store.db.write((tx) => erase(identity, customerId, actor, tx)));

async function erase(
  { store, now }: Pick<AuthDependencies, 'store' | 'now'>,
  customerId: string,
  actor: Actor,
  tx: Tx,
): Promise<void> {
  const { accounts, personalData, registrations, oneTimeTokens, log } = store;
  const head = await log.lockHead(customerId, tx);
  // No order is placed for this customer until this is over: a placement takes the same row.
  const customer = await personalData.lockCustomer(customerId, tx);
  if (customer === undefined) throw new AppError('not_found', 'There is no such customer.');
  if (customer.erasedAtMs !== null) return;
  const atMs = now();
  // Before the look at the orders: one that is being opened reads its contact, and is seen, or waits and is rejected.
  await personalData.erase(customerId, atMs, tx);
  const orderIds = await personalData.findOpenOrders(
    customerId,
    atMs - PLACEMENT_CLAIM_TTL_MS,
    MAX_LISTED_ORDERS,
    tx,
  );
  if (orderIds.length > 0) {
    throw new AppError('orders_open', 'Orders that are not closed yet still need their address.', {
      orderIds,
    });
  }
  const account = await accounts.find(customerId, tx);
  if (account !== null) await assertNotLastAdmin(store, account, tx);
  const revoked = await revokeSessions({ store, now }, customerId, { reason: 'erasure', actor }, tx);
  if (customer.email !== null) await registrations.removeByEmail(customer.email, tx);
  await oneTimeTokens.removeBySubject(customerId, tx);
  await accounts.remove(customerId, tx);
  await log.append(head, [...revoked, customerErased(customerId, actor, atMs)], tx);
}
