import type { Account } from '../../db/auth/accounts';
import type { Session } from '../../db/auth/sessions';
import type { Store } from '../../db/core/store';
import type { CustomerAddress } from '../../db/customers/addresses';
import type { Profile } from '../../db/customers/contacts';
import type { CloudEvent } from '../../domain/shared/events';
import { findOrder, type OrderReader, type OrderWithContact } from '../orders/find-order';
import { getProfileAndAccount } from './account';

export interface ExportDependencies extends OrderReader {
  store: OrderReader['store'] & Pick<Store, 'accounts' | 'addresses' | 'sessions' | 'personalData' | 'log'>;
}

/** Everything stored about one customer. Orders and events are read page by page while they are consumed. */
export interface PersonalDataExport {
  exportedAtMs: number;
  profile: Profile;
  account: Account;
  addresses: CustomerAddress[];
  sessions: Session[];
  /** Accepted orders that are not stored yet come first. */
  orders: AsyncIterable<OrderWithContact>;
  /** Oldest first. */
  accountEvents: AsyncIterable<AccountEvent>;
}

export interface AccountEvent {
  atMs: number;
  type: string;
  /** Kind of the actor. Ids of staff are not part of a customer's personal data. */
  by: string;
  data: Record<string, unknown>;
}

/** Rows read at once: bounds the memory of an export. */
const PAGE_SIZE = 50;

/** @throws AppError `not_found` */
export async function exportPersonalData(
  { store }: ExportDependencies,
  customerId: string,
): Promise<PersonalDataExport> {
  const exportedAtMs = Date.now();
  const { profile, account } = await getProfileAndAccount({ store }, customerId);
  const [addresses, sessions] = await Promise.all([
    store.addresses.findByCustomer(customerId),
    store.sessions.findByCustomer(customerId, exportedAtMs),
  ]);
  return {
    exportedAtMs,
    profile,
    account,
    addresses,
    sessions,
    orders: readOrders({ store }, customerId),
    accountEvents: readAccountEvents({ store }, customerId),
  };
}

async function* readOrders(
  { store }: ExportDependencies,
  customerId: string,
): AsyncGenerator<OrderWithContact> {
  // Read first: an order stored meanwhile appears in both lists and is exported once.
  const pending = await store.personalData.findPendingPlacements(customerId);
  for (const id of pending) yield findOrder({ store }, id);
  const exported = new Set(pending);
  for (let afterId: string | undefined; ; ) {
    const page = await store.orders.list({
      customerId,
      ...(afterId === undefined ? {} : { afterId }),
      limit: PAGE_SIZE,
    });
    for (const { id } of page) if (!exported.has(id)) yield findOrder({ store }, id);
    afterId = page.at(-1)?.id;
    if (page.length < PAGE_SIZE) return;
  }
}

async function* readAccountEvents(
  { store }: ExportDependencies,
  customerId: string,
): AsyncGenerator<AccountEvent> {
  for (let afterSeq = 0; ; ) {
    const page = await store.log.findByStream(customerId, { afterSeq, limit: PAGE_SIZE });
    for (const { body } of page) {
      const { time, type, actor, data } = JSON.parse(body) as CloudEvent;
      yield { atMs: Date.parse(time), type, by: actor.split(':')[0] ?? '', data };
    }
    afterSeq = page.at(-1)?.seq ?? afterSeq;
    if (page.length < PAGE_SIZE) return;
  }
}
