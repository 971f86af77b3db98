import type { Client } from '@temporalio/client';
import { createOrderActivities } from '../../../activities/orders';
import { select } from '../../../db/core/sql';
import type { Store } from '../../../db/core/store';
import type { Stock } from '../../../db/inventory/stock';
import { eraseCustomer } from '../../../services/customers/erasure';
import { type PlacementRequest, requestPlacement } from '../../../services/orders/place-order';
import type { OrderInput } from '../../../workflows/messages';
import { eventually } from '../../harness/eventually';
import { createApiContext } from '../../harness/http/api-context';
import { type TestCustomer, TestIdentity } from '../../harness/http/test-identity';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { createGate, type Gate } from '../../harness/workflow/gate';
import { buildOrderRequest } from '../../system/orders/orders';

const DAY_MS = 24 * 60 * 60_000;

const throwUnavailable = async () => {
  throw new Error('away');
};

describe.each(DIALECTS)('placing an order and being erased, on %s', (dialect) => {
  let shop: TestStore;
  let identity: TestIdentity;
  let ada: TestCustomer;
  beforeEach(async () => {
    shop = await createTestStore(dialect);
    identity = new TestIdentity(shop.store);
    ada = await identity.createCustomer();
    identity.nowMs = Date.now();
  });
  afterEach(() => shop?.close());

  /** As the API does when Temporal is away: what is claimed is claimed. */
  const placed = (store: Store = shop.store) => {
    const request: PlacementRequest = {
      body: buildOrderRequest(undefined, { email: ada.email }),
      caller: ada.customerId,
      placedBy: { kind: 'customer', id: ada.customerId },
      customerId: ada.customerId,
      idempotencyKey: 'one',
      requestId: 'one',
      waitMs: 0,
    };
    const temporal = { withDeadline: throwUnavailable, workflow: {} } as unknown as Client;
    return requestPlacement(createApiContext({ store, temporal }), request);
  };
  const erased = () => eraseCustomer(identity, ada.customerId, { kind: 'customer', id: ada.customerId });
  const contacts = () => select(shop.db, 'SELECT email FROM order_contacts');

  /** SQLite has one writer: whoever comes second waits in any case. */
  const isWaiting = async (): Promise<boolean> => {
    if (dialect === 'sqlite') return true;
    const waits = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'";
    const [row] = await select<{ Value: string }>(shop.db, waits);
    return Number(row?.Value) > 0;
  };

  /** Lets the order that `held` holds up go on when the erasure waits for it. The erasure must be refused. */
  const isNotErasedBehind = async (held: Gate): Promise<void> => {
    let isErased = false;
    const erasing = erased().finally(() => {
      isErased = true;
    });
    const refused = expect(erasing).rejects.toMatchObject({ code: 'orders_open' });
    await eventually('the erasure waits for the order', async () => isErased || (await isWaiting()));
    held.open();
    await refused;
    expect(await contacts()).toEqual([{ email: ada.email }]);
  };

  test('who was erased since their request came in places no order', async () => {
    await erased();
    await expect(placed()).rejects.toMatchObject({ code: 'invalid_token' });
    expect(await contacts()).toEqual([]);
    expect(await select(shop.db, 'SELECT order_id FROM placements')).toEqual([]);
  });

  test('who is erased while an order of theirs is being begun, long after it was placed, is not', async () => {
    await expect(placed()).rejects.toMatchObject({ code: 'service_unavailable' });
    const [placement] = await select<{ input: string }>(shop.db, 'SELECT input FROM placements');
    const { order } = JSON.parse(placement?.input ?? '') as OrderInput;
    identity.nowMs += DAY_MS;
    const [begun, held] = [createGate(), createGate()];
    const { stock } = shop.store;
    const reserve: Stock['reserve'] = async (...given) => {
      begun.open();
      await held.opened;
      return stock.reserve(...given);
    };
    const opening = createOrderActivities({ ...shop.store, stock: { ...stock, reserve } });
    const opened = opening.createOrder({ order, reserve: true });
    await begun.opened;
    await isNotErasedBehind(held);
    expect(await opened).toMatchObject({ outcome: 'recorded' });
  });

  test('who is erased while their order is being placed is not: it needs its address', async () => {
    const [claimed, held] = [createGate(), createGate()];
    const { placements } = shop.store;
    const placing = placed({
      ...shop.store,
      placements: {
        ...placements,
        claim: async (placement, tx) => {
          await placements.claim(placement, tx);
          claimed.open();
          await held.opened;
        },
      },
    });
    await claimed.opened;
    const answered = expect(placing).rejects.toMatchObject({ code: 'service_unavailable' });
    await isNotErasedBehind(held);
    await answered;
  });
});
