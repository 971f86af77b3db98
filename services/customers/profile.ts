import type { OrderUpdates } from '../../db/auth/accounts';
import type { Tx } from '../../db/core/connect';
import { type AddressUse, type CustomerAddress, MAX_ADDRESSES } from '../../db/customers/addresses';
import type { Address } from '../../db/customers/contacts';
import { profileChanged } from '../../domain/customers/account-events';
import { Failure } from '../../domain/shared/failures';
import type { Identity } from '../auth/identity';
import { newAddressId, random26 } from '../auth/new-ids';

export const accountGone = (): Failure => new Failure('not_found', 'This account is gone.');

type Parts = Pick<Identity, 'store' | 'now'>;

export interface ProfileChanges {
  name?: string | null;
  phone?: string | null;
  orderUpdates?: OrderUpdates;
}

/** Changes what is given and leaves the rest. */
export const changeProfile = (parts: Parts, customerId: string, changes: ProfileChanges): Promise<void> =>
  change(parts, customerId, async (tx) => {
    const { orderUpdates, ...contact } = changes;
    await parts.store.contacts.setProfile(customerId, contact, tx);
    if (orderUpdates !== undefined) await parts.store.accounts.setOrderUpdates(customerId, orderUpdates, tx);
    return { fields: Object.keys(changes), result: undefined };
  });

export interface AddressChanges {
  address: Address;
  /** What it is to be the default for from now on; what it is already it stays. */
  defaultFor: readonly AddressUse[];
}

/** The first one is the default for everything. @throws Failure `too_many_addresses` */
export const addAddress = (
  parts: Parts,
  customerId: string,
  { address, defaultFor }: AddressChanges,
): Promise<CustomerAddress> =>
  change(parts, customerId, async (tx) => {
    const { addresses } = parts.store;
    const book = await addresses.ofCustomer(customerId, tx);
    if (book.length >= MAX_ADDRESSES) {
      throw new Failure(
        'too_many_addresses',
        `There is room for ${MAX_ADDRESSES} addresses. Delete one first.`,
      );
    }
    const id = newAddressId();
    const isFirst = book.length === 0;
    await addresses.add(
      {
        id,
        customerId,
        address,
        defaultShipping: isFirst,
        defaultBilling: isFirst,
        createdAtMs: parts.now(),
      },
      tx,
    );
    for (const use of defaultFor) await addresses.makeDefault(customerId, id, use, tx);
    return { fields: ['addresses'], result: await found(parts, customerId, id, tx) };
  });

/** @throws Failure `not_found` */
export const replaceAddress = (
  parts: Parts,
  customerId: string,
  id: string,
  { address, defaultFor }: AddressChanges,
): Promise<CustomerAddress> =>
  change(parts, customerId, async (tx) => {
    const { addresses } = parts.store;
    await found(parts, customerId, id, tx);
    await addresses.replace(id, address, tx);
    for (const use of defaultFor) await addresses.makeDefault(customerId, id, use, tx);
    return { fields: ['addresses'], result: await found(parts, customerId, id, tx) };
  });

/** The oldest of those that are left becomes the default for what it was. @throws Failure `not_found` */
export const removeAddress = (parts: Parts, customerId: string, id: string): Promise<void> =>
  change(parts, customerId, async (tx) => {
    const { addresses } = parts.store;
    const removed = await found(parts, customerId, id, tx);
    await addresses.remove(id, tx);
    const [heir] = await addresses.ofCustomer(customerId, tx);
    if (heir !== undefined) {
      if (removed.defaultShipping) await addresses.makeDefault(customerId, heir.id, 'shipping', tx);
      if (removed.defaultBilling) await addresses.makeDefault(customerId, heir.id, 'billing', tx);
    }
    return { fields: ['addresses'], result: undefined };
  });

async function found({ store }: Parts, customerId: string, id: string, tx: Tx): Promise<CustomerAddress> {
  const address = (await store.addresses.ofCustomer(customerId, tx)).find((one) => one.id === id);
  if (address === undefined) throw new Failure('not_found', 'There is no such address.');
  return address;
}

/**
 * One change of a customer at a time: the lock on their stream keeps the defaults of the address book single. Who was
 * erased since the request came in stays so.
 * @throws Failure `not_found`
 */
const change = <T>(
  { store, now }: Parts,
  customerId: string,
  work: (tx: Tx) => Promise<{ fields: string[]; result: T }>,
): Promise<T> =>
  store.db.write(async (tx) => {
    const head = await store.log.lock(customerId, tx);
    if ((await store.accounts.find(customerId, tx)) === null) throw accountGone();
    const { fields, result } = await work(tx);
    const self = { kind: 'customer' as const, id: customerId };
    if (fields.length > 0) {
      await store.log.append(head, [profileChanged(customerId, random26(), fields, self, now())], tx);
    }
    return result;
  });
