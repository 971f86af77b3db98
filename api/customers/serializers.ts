import type { Account } from '../../db/auth/accounts';
import type { Session } from '../../db/auth/sessions';
import type { CustomerAddress } from '../../db/customers/addresses';
import type { Profile } from '../../db/customers/contacts';
import type { Role } from '../../domain/shared/access';
import { iso } from '../orders/serializers';
import type * as schema from './schemas';

export const presentMe = (profile: Profile, { role, orderUpdates }: Account): schema.Me => ({
  id: profile.customerId,
  email: profile.email ?? '',
  name: profile.name,
  phone: profile.phone,
  role,
  orderUpdates,
  createdAt: iso(profile.createdAtMs),
});

export const presentAddress = (kept: CustomerAddress): schema.CustomerAddress => ({
  id: kept.id,
  ...kept.address,
  defaultShipping: kept.defaultShipping,
  defaultBilling: kept.defaultBilling,
});

export const presentSession = (session: Session, currentId: string): schema.Session => ({
  id: session.id,
  current: session.id === currentId,
  openedAt: iso(session.openedAtMs),
  lastUsedAt: iso(session.rotatedAtMs),
  expiresAt: iso(session.expiresAtMs),
});

/** @param role null when the customer has no account. */
export const presentCustomerSummary = (profile: Profile, role: Role | null): schema.CustomerSummary => ({
  id: profile.customerId,
  role,
  createdAt: iso(profile.createdAtMs),
  erasedAt: profile.erasedAtMs === null ? null : iso(profile.erasedAtMs),
});

export const presentCustomer = (
  profile: Profile,
  role: Role | null,
  addresses: readonly CustomerAddress[],
): schema.Customer => ({
  ...presentCustomerSummary(profile, role),
  email: profile.email,
  name: profile.name,
  phone: profile.phone,
  addresses: addresses.map(presentAddress),
});
