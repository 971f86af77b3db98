import type { AccountEvent } from '../../api/customers/schemas';
import { toAddressResponse, toMeResponse, toSessionResponse } from '../../api/customers/serializers';
import type { ApiContext } from '../../api/http/context';
import type { Order } from '../../api/orders/schemas';
import { orderLinks, toIsoTimestamp, toOrderResponse } from '../../api/orders/serializers';
import type { CloudEvent } from '../../domain/shared/events';
import { findOrder } from '../orders/find-and-cancel';
import { getProfileAndAccount } from './account';

/** Rows read at once: what memory holds does not grow with the number of orders. */
const PAGE_SIZE = 50;

/** All that is kept about a person, as the text of one JSON object, piece by piece. */
export async function* exportPersonalData(
  ctx: ApiContext,
  { customerId, sessionId }: { customerId: string; sessionId: string },
): AsyncGenerator<string> {
  const { store } = ctx;
  const nowMs = Date.now();
  const { profile, account } = await getProfileAndAccount(ctx, customerId);
  const [addresses, sessions] = await Promise.all([
    store.addresses.findByCustomer(customerId),
    store.sessions.findByCustomer(customerId, nowMs),
  ]);
  const person = {
    exportedAt: toIsoTimestamp(nowMs),
    profile: toMeResponse(profile, account),
    addresses: addresses.map(toAddressResponse),
    sessions: sessions.map((session) => toSessionResponse(session, sessionId)),
  };
  yield JSON.stringify(person).slice(0, -1);
  yield* writeArrayMember('orders', streamOrders(ctx, customerId));
  yield* writeArrayMember('accountEvents', streamAccountEvents(ctx, customerId));
  yield '}';
}

/** One more member of the object: an array, element by element. */
async function* writeArrayMember(name: string, elements: AsyncIterable<unknown>): AsyncGenerator<string> {
  yield `,"${name}":[`;
  let separator = '';
  for await (const element of elements) {
    yield separator + JSON.stringify(element);
    separator = ',';
  }
  yield ']';
}

async function* streamOrders(ctx: ApiContext, customerId: string): AsyncGenerator<Order> {
  const { store } = ctx;
  const present = async (id: string): Promise<Order> => {
    const { order, contact } = await findOrder(ctx, id);
    return toOrderResponse(order, contact, orderLinks(ctx, id));
  };
  // These first: one that is opened meanwhile is among the others, too, and is told of once.
  const unopened = await store.personalData.findPendingPlacements(customerId);
  for (const id of unopened) yield present(id);
  const told = new Set(unopened);
  for (let afterId: string | undefined; ; ) {
    const page = await store.orders.list({
      customerId,
      ...(afterId === undefined ? {} : { afterId }),
      limit: PAGE_SIZE,
    });
    for (const { id } of page) if (!told.has(id)) yield present(id);
    afterId = page.at(-1)?.id;
    if (page.length < PAGE_SIZE) return;
  }
}

/** What the log says of the account: log-ins, changes. Who of the staff has done something is their own affair. */
async function* streamAccountEvents({ store }: ApiContext, customerId: string): AsyncGenerator<AccountEvent> {
  for (let afterSeq = 0; ; ) {
    const page = await store.log.findByStream(customerId, { afterSeq, limit: PAGE_SIZE });
    for (const { body } of page) {
      const { time, type, actor, data } = JSON.parse(body) as CloudEvent;
      yield { at: time, type, by: actor.split(':')[0] ?? '', data };
    }
    afterSeq = page.at(-1)?.seq ?? afterSeq;
    if (page.length < PAGE_SIZE) return;
  }
}
