import type { ApiContext } from './context';
import { myAccount } from './people';
import { presentAddress, presentMe, presentSession } from './people-views';
import { iso, orderLinks, presentOrder } from './views';

/** Orders read at once: what memory holds does not grow with the number of orders. */
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
  yield `${JSON.stringify(person).slice(0, -1)},"orders":[`;
  let separator = '';
  for (let afterId: string | undefined; ; ) {
    const page = await store.orders.list({
      customerId,
      ...(afterId === undefined ? {} : { afterId }),
      limit: PAGE,
    });
    for (const { id } of page) {
      const [order, contact] = await Promise.all([store.orders.find(id), store.contacts.ofOrder(id)]);
      if (order === null) continue;
      yield separator + JSON.stringify(presentOrder(order, contact, orderLinks(ctx, id)));
      separator = ',';
    }
    afterId = page.at(-1)?.id;
    if (page.length < PAGE) break;
  }
  yield ']}';
}
