import type { Account } from '../../db/auth/accounts';
import type { Store } from '../../db/core/store';
import type { Profile } from '../../db/customers/contacts';
import { accountNotFound } from './profile';

/** @throws AppError `not_found` when the customer was erased concurrently. */
export async function getProfileAndAccount(
  { store }: { store: Pick<Store, 'contacts' | 'accounts'> },
  customerId: string,
): Promise<{ profile: Profile; account: Account }> {
  const [profile, account] = await Promise.all([
    store.contacts.findProfile(customerId),
    store.accounts.find(customerId),
  ]);
  if (profile === null || account === null) throw accountNotFound();
  return { profile, account };
}
