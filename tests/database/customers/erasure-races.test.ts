import type { Client } from '@temporalio/client';
import { createOrderActivities } from '../../../activities/orders';
import { select } from '../../../db/core/sql';
import type { Store } from '../../../db/core/store';
import type { Stock } from '../../../db/inventory/stock';
import { eraseCustomer } from '../../../services/customers/erasure';
import { type PlacementRequest, requestPlacement } from '../../../services/orders/place-order';
import type { OrderInput } from '../../../workflows/orders/messages';
import { eventually } from '../../harness/eventually';
import { createApiContext } from '../../harness/http/api-context';
import { type TestCustomer, TestIdentity } from '../../harness/http/test-identity';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { createGate, type Gate } from '../../harness/workflow/gate';
import { buildOrderRequest } from '../../system/orders/orders';

const DAY_MS = 24 * 60 * 60_000;

const throwUnavailable = async () => {
  throw new Error('unavailable');
};

describe.each(DIALECTS)('concurrent placement and erasure on %s', (dialect) => {
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

  /** Places an order while Temporal is unavailable: the claim is stored, the workflow is not started. */
  const placeOrder = (store: Store = shop.store) => {
    const request: PlacementRequest = {
      body: buildOrderRequest(undefined, { email: ada.email }),
      caller: ada.customerId,
      placedBy: { kind: 'customer', id: ada.customerId },
      customerId: ada.customerId,
      idempotencyKey: 'one',
      waitMs: 0,
    };
    const temporal = { withDeadline: throwUnavailable, workflow: {} } as unknown as Client;
    return requestPlacement(createApiContext({ store, temporal }), request);
  };
  const eraseAda = () => eraseCustomer(identity, ada.customerId, { kind: 'customer', id: ada.customerId });
  const readContacts = () => select(shop.db, 'SELECT email FROM order_contacts');

  /** SQLite has one writer: a second transaction always waits. */
  const isWaiting = async (): Promise<boolean> => {
    if (dialect === 'sqlite') return true;
    const waits = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'";
    const [row] = await select<{ Value: string }>(shop.db, waits);
    return Number(row?.Value) > 0;
  };

  /** Starts an erasure, opens `gate` once the erasure waits for the order, and expects the erasure to be rejected. */
  const assertErasureRejected = async (gate: Gate): Promise<void> => {
    let isFinished = false;
    const erasure = eraseAda().finally(() => {
      isFinished = true;
    });
    const rejected = expect(erasure).rejects.toMatchObject({ code: 'orders_open' });
    await eventually('the erasure waits for the order', async () => isFinished || (await isWaiting()));
    gate.open();
    await rejected;
    expect(await readContacts()).toEqual([{ email: ada.email }]);
  };

  test('a customer erased after authentication cannot place an order', async () => {
    await eraseAda();
    await expect(placeOrder()).rejects.toMatchObject({ code: 'invalid_token' });
    expect(await readContacts()).toEqual([]);
    expect(await select(shop.db, 'SELECT order_id FROM placements')).toEqual([]);
  });

  test('a customer is not erased while an order is being created, long after its placement', async () => {
    await expect(placeOrder()).rejects.toMatchObject({ code: 'service_unavailable' });
    const [placement] = await select<{ input: string }>(shop.db, 'SELECT input FROM placements');
    const { order } = JSON.parse(placement?.input ?? '') as OrderInput;
    identity.nowMs += DAY_MS;
    const [started, gate] = [createGate(), createGate()];
    const { stock } = shop.store;
    const reserve: Stock['reserve'] = async (...args) => {
      started.open();
      await gate.opened;
      return stock.reserve(...args);
    };
    const activities = createOrderActivities({ ...shop.store, stock: { ...stock, reserve } });
    const creation = activities.createOrder({ order, reserve: true });
    await started.opened;
    await assertErasureRejected(gate);
    expect(await creation).toMatchObject({ outcome: 'created' });
  });

  test('a customer is not erased while an order is being placed', async () => {
    const [claimed, gate] = [createGate(), createGate()];
    const { placements } = shop.store;
    const placement = placeOrder({
      ...shop.store,
      placements: {
        ...placements,
        add: async (row, tx) => {
          await placements.add(row, tx);
          claimed.open();
          await gate.opened;
        },
      },
    });
    await claimed.opened;
    const unavailable = expect(placement).rejects.toMatchObject({ code: 'service_unavailable' });
    await assertErasureRejected(gate);
    await unavailable;
  });
});
