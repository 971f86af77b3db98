import type { ApiContext } from '../../api/http/context';
import type { Account } from '../../db/auth/accounts';
import type { Profile } from '../../db/customers/contacts';
import { accountNotFound } from './profile';

/** Account and profile of whoever asks. @throws Failure `not_found`, when they were erased a moment ago. */
export async function getProfileAndAccount(
  { store }: ApiContext,
  customerId: string,
): Promise<{ profile: Profile; account: Account }> {
  const [profile, account] = await Promise.all([
    store.contacts.findProfile(customerId),
    store.accounts.find(customerId),
  ]);
  if (profile === null || account === null) throw accountNotFound();
  return { profile, account };
}
