import type { OrderUpdates } from '../../db/auth/accounts';
import type { Tx } from '../../db/core/connect';
import { type AddressUse, type CustomerAddress, MAX_ADDRESSES } from '../../db/customers/addresses';
import type { Address } from '../../db/customers/contacts';
import { profileChanged } from '../../domain/customers/account-events';
import { AppError } from '../../domain/shared/errors';
import type { AuthDependencies } from '../auth/auth-dependencies';
import { generateRandomId, newAddressId } from '../shared/new-ids';

export const accountNotFound = (): AppError => new AppError('not_found', 'This account no longer exists.');

type ProfileDependencies = Pick<AuthDependencies, 'store' | 'now'>;

export interface ProfileChanges {
  name?: string | null;
  phone?: string | null;
  orderUpdates?: OrderUpdates;
}

/** Changes the given fields only. */
export const changeProfile = (
  deps: ProfileDependencies,
  customerId: string,
  changes: ProfileChanges,
): Promise<void> =>
  withCustomerLock(deps, customerId, async (tx) => {
    const { orderUpdates, ...contact } = changes;
    await deps.store.contacts.updateProfile(customerId, contact, tx);
    if (orderUpdates !== undefined) await deps.store.accounts.setOrderUpdates(customerId, orderUpdates, tx);
    return { fields: Object.keys(changes), result: undefined };
  });

export interface AddressInput {
  address: Address;
  /** Uses it becomes the default for; it stays the default for others. */
  defaultFor: readonly AddressUse[];
}

/** The first address becomes the default for every use. @throws AppError `too_many_addresses` */
export const addAddress = (
  deps: ProfileDependencies,
  customerId: string,
  { address, defaultFor }: AddressInput,
): Promise<CustomerAddress> =>
  withCustomerLock(deps, customerId, async (tx) => {
    const { addresses } = deps.store;
    const existing = await addresses.findByCustomer(customerId, tx);
    if (existing.length >= MAX_ADDRESSES) {
      throw new AppError(
        'too_many_addresses',
        `An address book has at most ${MAX_ADDRESSES} addresses. Delete one first.`,
      );
    }
    const id = newAddressId();
    const isFirst = existing.length === 0;
    await addresses.add(
      {
        id,
        customerId,
        address,
        defaultShipping: isFirst,
        defaultBilling: isFirst,
        createdAtMs: deps.now(),
      },
      tx,
    );
    for (const use of defaultFor) await addresses.setDefault(customerId, id, use, tx);
    return { fields: ['addresses'], result: await getAddress(deps, customerId, id, tx) };
  });

/** @throws AppError `not_found` */
export const replaceAddress = (
  deps: ProfileDependencies,
  customerId: string,
  id: string,
  { address, defaultFor }: AddressInput,
): Promise<CustomerAddress> =>
  withCustomerLock(deps, customerId, async (tx) => {
    const { addresses } = deps.store;
    await getAddress(deps, customerId, id, tx);
    await addresses.replace(id, address, tx);
    for (const use of defaultFor) await addresses.setDefault(customerId, id, use, tx);
    return { fields: ['addresses'], result: await getAddress(deps, customerId, id, tx) };
  });

/** The oldest remaining address takes over its defaults. @throws AppError `not_found` */
export const removeAddress = (deps: ProfileDependencies, customerId: string, id: string): Promise<void> =>
  withCustomerLock(deps, customerId, async (tx) => {
    const { addresses } = deps.store;
    const removed = await getAddress(deps, customerId, id, tx);
    await addresses.remove(id, tx);
    const [oldest] = await addresses.findByCustomer(customerId, tx);
    if (oldest !== undefined) {
      if (removed.defaultShipping) await addresses.setDefault(customerId, oldest.id, 'shipping', tx);
      if (removed.defaultBilling) await addresses.setDefault(customerId, oldest.id, 'billing', tx);
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
  if (address === undefined) throw new AppError('not_found', 'This address does not exist.');
  return address;
}

/**
 * Serializes the changes of one customer by the lock on their stream: each use has one default address.
 * @throws AppError `not_found` when the customer was erased meanwhile.
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
