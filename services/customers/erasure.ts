import type { Tx } from '../../db/core/connect';
import { customerErased } from '../../domain/customers/account-events';
import type { Actor } from '../../domain/orders/order';
import { Failure } from '../../domain/shared/failures';
import type { Identity } from '../auth/identity';
import { assertNotLastAdmin } from '../auth/roles';
import { revokeAll } from '../auth/sessions';
import { retryingDuplicates } from '../auth/streams';

/** Orders named in a refusal. */
const LISTED_ORDERS = 20;
/**
 * A placement that was answered 503 leaves a claim behind and no order: after that time it counts no more, and should it
 * go on later all the same it is rejected (`customer_erased`).
 */
const CLAIM_MS = 60 * 60_000;

/**
 * Forgets who a customer is: their contacts and those of their orders are emptied, account, sessions and addresses are
 * gone. Orders, payments, log and histories stay; they hold ids only. The address can register anew, as somebody else.
 * Twice is once.
 * @throws Failure `not_found`, `orders_open` (with `orderIds`): an open order still needs its address; `last_admin`
 */
export const eraseCustomer = (
  identity: Pick<Identity, 'store' | 'now'>,
  customerId: string,
  actor: Actor,
): Promise<void> =>
  retryingDuplicates(() => identity.store.db.write((tx) => erase(identity, customerId, actor, tx)));

async function erase(
  { store, now }: Pick<Identity, 'store' | 'now'>,
  customerId: string,
  actor: Actor,
  tx: Tx,
): Promise<void> {
  const { accounts, personalData, registrations, oneTimeTokens, log } = store;
  const head = await log.lock(customerId, tx);
  // No order is placed for this customer until this is over: a placement takes the same row.
  const customer = await personalData.lockCustomer(customerId, tx);
  if (customer === undefined) throw new Failure('not_found', 'There is no such customer.');
  if (customer.erasedAtMs !== null) return;
  const atMs = now();
  // Before the look at the orders: one that is being opened reads its contact, and is seen, or waits and is rejected.
  await personalData.erase(customerId, atMs, tx);
  const orderIds = await personalData.openOrders(customerId, atMs - CLAIM_MS, LISTED_ORDERS, tx);
  if (orderIds.length > 0) {
    throw new Failure('orders_open', 'Orders that are not closed yet still need their address.', {
      orderIds,
    });
  }
  const account = await accounts.find(customerId, tx);
  if (account !== null) await assertNotLastAdmin(store, account, tx);
  const revoked = await revokeAll({ store, now }, customerId, { reason: 'erasure', actor }, tx);
  if (customer.email !== null) await registrations.removeOfAddress(customer.email, tx);
  await oneTimeTokens.removeOfSubject(customerId, tx);
  await accounts.remove(customerId, tx);
  await log.append(head, [...revoked, customerErased(customerId, actor, atMs)], tx);
}
