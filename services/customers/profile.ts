import type { OrderUpdates } from '../../db/auth/accounts';
import type { Tx } from '../../db/core/connect';
import { type AddressUse, type CustomerAddress, MAX_ADDRESSES } from '../../db/customers/addresses';
import type { Address } from '../../db/customers/contacts';
import { profileChanged } from '../../domain/customers/account-events';
import { AppError } from '../../domain/shared/errors';
import type { AuthDependencies } from '../auth/auth-dependencies';
import { generateRandomId, newAddressId } from '../shared/new-ids';

export const accountNotFound = (): AppError => new AppError('not_found', 'This account is gone.');

type ProfileDependencies = Pick<AuthDependencies, 'store' | 'now'>;

export interface ProfileChanges {
  name?: string | null;
  phone?: string | null;
  orderUpdates?: OrderUpdates;
}

/** Changes what is given and leaves the rest. */
export const changeProfile = (
  parts: ProfileDependencies,
  customerId: string,
  changes: ProfileChanges,
): Promise<void> =>
  withCustomerLock(parts, customerId, async (tx) => {
    const { orderUpdates, ...contact } = changes;
    await parts.store.contacts.updateProfile(customerId, contact, tx);
    if (orderUpdates !== undefined) await parts.store.accounts.setOrderUpdates(customerId, orderUpdates, tx);
    return { fields: Object.keys(changes), result: undefined };
  });

export interface AddressInput {
  address: Address;
  /** What it is to be the default for from now on; what it is already it stays. */
  defaultFor: readonly AddressUse[];
}

/** The first one is the default for everything. @throws AppError `too_many_addresses` */
export const addAddress = (
  parts: ProfileDependencies,
  customerId: string,
  { address, defaultFor }: AddressInput,
): Promise<CustomerAddress> =>
  withCustomerLock(parts, customerId, async (tx) => {
    const { addresses } = parts.store;
    const book = await addresses.findByCustomer(customerId, tx);
    if (book.length >= MAX_ADDRESSES) {
      throw new AppError(
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
    for (const use of defaultFor) await addresses.setDefault(customerId, id, use, tx);
    return { fields: ['addresses'], result: await getAddress(parts, customerId, id, tx) };
  });

/** @throws AppError `not_found` */
export const replaceAddress = (
  parts: ProfileDependencies,
  customerId: string,
  id: string,
  { address, defaultFor }: AddressInput,
): Promise<CustomerAddress> =>
  withCustomerLock(parts, customerId, async (tx) => {
    const { addresses } = parts.store;
    await getAddress(parts, customerId, id, tx);
    await addresses.replace(id, address, tx);
    for (const use of defaultFor) await addresses.setDefault(customerId, id, use, tx);
    return { fields: ['addresses'], result: await getAddress(parts, customerId, id, tx) };
  });

/** The oldest of those that are left becomes the default for what it was. @throws AppError `not_found` */
export const removeAddress = (parts: ProfileDependencies, customerId: string, id: string): Promise<void> =>
  withCustomerLock(parts, customerId, async (tx) => {
    const { addresses } = parts.store;
    const removed = await getAddress(parts, customerId, id, tx);
    await addresses.remove(id, tx);
    const [heir] = await addresses.findByCustomer(customerId, tx);
    if (heir !== undefined) {
      if (removed.defaultShipping) await addresses.setDefault(customerId, heir.id, 'shipping', tx);
      if (removed.defaultBilling) await addresses.setDefault(customerId, heir.id, 'billing', tx);
    }
    return { fields: ['addresses'], result: undefined };
  });

async function getAddress(
  { store }: ProfileDependencies,
  customerId: string,
  id: string,
  tx: Tx,
): Promise<CustomerAddress> {
  const address = (await store.addresses.findByCustomer(customerId, tx)).find((one) => one.id === id);
  if (address === undefined) throw new AppError('not_found', 'There is no such address.');
  return address;
}

/**
 * One change of a customer at a time: the lock on their stream keeps the defaults of the address book single. Who was
 * erased since the request came in stays so.
 * @throws AppError `not_found`
 */
const withCustomerLock = <T>(
  { store, now }: ProfileDependencies,
  customerId: string,
  work: (tx: Tx) => Promise<{ fields: string[]; result: T }>,
): Promise<T> =>
  store.db.write(async (tx) => {
    const head = await store.log.lockHead(customerId, tx);
    if ((await store.accounts.find(customerId, tx)) === null) throw accountNotFound();
    const { fields, result } = await work(tx);
    const self = { kind: 'customer' as const, id: customerId };
    if (fields.length > 0) {
      await store.log.append(head, [profileChanged(customerId, generateRandomId(), fields, self, now())], tx);
    }
    return result;
  });
