import type { Account } from '../../db/auth/accounts';
import type { Session } from '../../db/auth/sessions';
import type { CustomerAddress } from '../../db/customers/addresses';
import type { Profile } from '../../db/customers/contacts';
import type { Role } from '../../domain/shared/access';
import { toIsoTimestamp } from '../orders/serializers';
import type * as schema from './schemas';

export const toMeResponse = (profile: Profile, { role, orderUpdates }: Account): schema.Me => ({
  id: profile.customerId,
  email: profile.email ?? '',
  name: profile.name,
  phone: profile.phone,
  role,
  orderUpdates,
  createdAt: toIsoTimestamp(profile.createdAtMs),
});

export const toAddressResponse = (kept: CustomerAddress): schema.CustomerAddress => ({
  id: kept.id,
  ...kept.address,
  defaultShipping: kept.defaultShipping,
  defaultBilling: kept.defaultBilling,
});

export const toSessionResponse = (session: Session, currentId: string): schema.Session => ({
  id: session.id,
  current: session.id === currentId,
  openedAt: toIsoTimestamp(session.openedAtMs),
  lastUsedAt: toIsoTimestamp(session.rotatedAtMs),
  expiresAt: toIsoTimestamp(session.expiresAtMs),
});

/** @param role null when the customer has no account. */
export const toCustomerSummaryResponse = (profile: Profile, role: Role | null): schema.CustomerSummary => ({
  id: profile.customerId,
  role,
  createdAt: toIsoTimestamp(profile.createdAtMs),
  erasedAt: profile.erasedAtMs === null ? null : toIsoTimestamp(profile.erasedAtMs),
});

export const toCustomerResponse = (
  profile: Profile,
  role: Role | null,
  addresses: readonly CustomerAddress[],
): schema.Customer => ({
  ...toCustomerSummaryResponse(profile, role),
  email: profile.email,
  name: profile.name,
  phone: profile.phone,
  addresses: addresses.map(toAddressResponse),
});
