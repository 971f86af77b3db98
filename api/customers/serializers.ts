import type { Account } from '../../db/auth/accounts';
import type { Session } from '../../db/auth/sessions';
import type { CustomerAddress } from '../../db/customers/addresses';
import type { Profile } from '../../db/customers/contacts';
import type { Role } from '../../domain/shared/access';
import type { PersonalDataExport } from '../../services/customers/export-personal-data';
import type { OrderWithContact } from '../../services/orders/find-order';
import type { Order } from '../orders/schemas';
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

export const toAddressResponse = (address: CustomerAddress): schema.CustomerAddress => ({
  id: address.id,
  ...address.address,
  defaultShipping: address.defaultShipping,
  defaultBilling: address.defaultBilling,
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

/** The JSON text of an export (`PersonalExport`), piece by piece: it is sent while it is read. */
export async function* streamPersonalDataExport(
  { exportedAtMs, profile, account, addresses, sessions, orders, accountEvents }: PersonalDataExport,
  sessionId: string,
  toOrder: (order: OrderWithContact) => Order,
): AsyncGenerator<string> {
  const head = {
    exportedAt: toIsoTimestamp(exportedAtMs),
    profile: toMeResponse(profile, account),
    addresses: addresses.map(toAddressResponse),
    sessions: sessions.map((session) => toSessionResponse(session, sessionId)),
  };
  yield JSON.stringify(head).slice(0, -1);
  yield* streamArrayMember('orders', orders, toOrder);
  yield* streamArrayMember(
    'accountEvents',
    accountEvents,
    ({ atMs, ...event }): schema.AccountEvent => ({ at: toIsoTimestamp(atMs), ...event }),
  );
  yield '}';
}

async function* streamArrayMember<T>(
  name: string,
  elements: AsyncIterable<T>,
  toResponse: (element: T) => object,
): AsyncGenerator<string> {
  yield `,"${name}":[`;
  let separator = '';
  for await (const element of elements) {
    yield separator + JSON.stringify(toResponse(element));
    separator = ',';
  }
  yield ']';
}
