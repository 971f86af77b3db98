import type { AccountEvent } from '../../api/customers/schemas';
import { presentAddress, presentMe, presentSession } from '../../api/customers/serializers';
import type { ApiContext } from '../../api/http/context';
import type { Order } from '../../api/orders/schemas';
import { iso, orderLinks, presentOrder } from '../../api/orders/serializers';
import type { CloudEvent } from '../../domain/shared/events';
import { findOrder } from '../orders/find-and-cancel';
import { myAccount } from './people';

/** Rows read at once: what memory holds does not grow with the number of orders. */
const PAGE = 50;

/** All that is kept about a person, as the text of one JSON object, piece by piece. */
export async function* personalExport(
  ctx: ApiContext,
  { customerId, sessionId }: { customerId: string; sessionId: string },
): AsyncGenerator<string> {
  const { store } = ctx;
  const nowMs = Date.now();
  const { profile, account } = await myAccount(ctx, customerId);
  const [addresses, sessions] = await Promise.all([
    store.addresses.ofCustomer(customerId),
    store.sessions.ofCustomer(customerId, nowMs),
  ]);
  const person = {
    exportedAt: iso(nowMs),
    profile: presentMe(profile, account),
    addresses: addresses.map(presentAddress),
    sessions: sessions.map((session) => presentSession(session, sessionId)),
  };
  yield JSON.stringify(person).slice(0, -1);
  yield* member('orders', ordersOf(ctx, customerId));
  yield* member('accountEvents', accountEventsOf(ctx, customerId));
  yield '}';
}

/** One more member of the object: an array, element by element. */
async function* member(name: string, elements: AsyncIterable<unknown>): AsyncGenerator<string> {
  yield `,"${name}":[`;
  let separator = '';
  for await (const element of elements) {
    yield separator + JSON.stringify(element);
    separator = ',';
  }
  yield ']';
}

async function* ordersOf(ctx: ApiContext, customerId: string): AsyncGenerator<Order> {
  const { store } = ctx;
  const present = async (id: string): Promise<Order> => {
    const { order, contact } = await findOrder(ctx, id);
    return presentOrder(order, contact, orderLinks(ctx, id));
  };
  // These first: one that is opened meanwhile is among the others, too, and is told of once.
  const unopened = await store.personalData.unopenedOrders(customerId);
  for (const id of unopened) yield present(id);
  const told = new Set(unopened);
  for (let afterId: string | undefined; ; ) {
    const page = await store.orders.list({
      customerId,
      ...(afterId === undefined ? {} : { afterId }),
      limit: PAGE,
    });
    for (const { id } of page) if (!told.has(id)) yield present(id);
    afterId = page.at(-1)?.id;
    if (page.length < PAGE) return;
  }
}

/** What the log says of the account: log-ins, changes. Who of the staff has done something is their own affair. */
async function* accountEventsOf({ store }: ApiContext, customerId: string): AsyncGenerator<AccountEvent> {
  for (let afterSeq = 0; ; ) {
    const page = await store.log.ofStream(customerId, { afterSeq, limit: PAGE });
    for (const { body } of page) {
      const { time, type, actor, data } = JSON.parse(body) as CloudEvent;
      yield { at: time, type, by: actor.split(':')[0] ?? '', data };
    }
    afterSeq = page.at(-1)?.seq ?? afterSeq;
    if (page.length < PAGE) return;
  }
}
