import type { Client } from '@temporalio/client';
import type { PersonalDataExport } from '../../../api/customers/schemas';
import { logIn } from '../../../services/auth/login';
import { changeRole } from '../../../services/auth/roles';
import { exportPersonalData } from '../../../services/customers/export-personal-data';
import { type PlacementRequest, requestPlacement } from '../../../services/orders/place-order';
import type { OrderInput } from '../../../workflows/messages';
import { createApiContext } from '../../harness/http/api-context';
import { type TestCustomer, TestIdentity } from '../../harness/http/test-identity';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { buildOrderRequest } from '../../system/orders/orders';

const ADMIN = { kind: 'staff' as const, id: 'cus_ADMIN' };

describe.each(DIALECTS)('an export of what is kept, on %s', (dialect) => {
  let shop: TestStore;
  let identity: TestIdentity;
  let ada: TestCustomer;
  const temporal = {
    options: { namespace: 'default' },
    workflow: {},
    withDeadline: async () => {
      throw new Error('away');
    },
  } as unknown as Client;
  beforeEach(async () => {
    shop = await createTestStore(dialect);
    identity = new TestIdentity(shop.store);
    ada = await identity.createCustomer();
  });
  afterEach(() => shop?.close());

  const ctx = () => createApiContext({ store: shop.store, identity, temporal });
  const exported = async (read: (piece: string) => Promise<void> = async () => undefined) => {
    let text = '';
    for await (const piece of exportPersonalData(ctx(), ada)) {
      text += piece;
      await read(piece);
    }
    return JSON.parse(text) as PersonalDataExport;
  };
  /** Claimed, as when Temporal is away. @returns the id. */
  const claimed = async (idempotencyKey: string): Promise<string> => {
    const request: PlacementRequest = {
      body: buildOrderRequest(undefined, { email: ada.email }),
      caller: ada.customerId,
      placedBy: { kind: 'customer', id: ada.customerId },
      customerId: ada.customerId,
      idempotencyKey,
      requestId: 'one',
      waitMs: 0,
    };
    await expect(requestPlacement(ctx(), request)).rejects.toMatchObject({ code: 'service_unavailable' });
    return (await shop.store.placements.findByIdempotencyKey(ada.customerId, idempotencyKey))?.orderId ?? '';
  };
  const open = async (orderId: string): Promise<void> => {
    const { input = '' } = (await shop.store.placements.findByOrder(orderId)) ?? {};
    await shop.db.write((tx) => shop.store.orders.insert((JSON.parse(input) as OrderInput).order, tx));
  };

  test('has orders that are not opened yet, with whom they are for', async () => {
    const [opened, waiting] = [await claimed('one'), await claimed('two')];
    await open(opened);
    const { orders } = await exported();
    expect(orders.map(({ id }) => id)).toEqual([waiting, opened]);
    expect(orders[0]).toMatchObject({ status: 'placed', customer: { email: ada.email } });
  });

  test('tells once of an order that is opened meanwhile', async () => {
    const id = await claimed('one');
    const { orders } = await exported(async (piece) => {
      if (piece.includes('"orders":[')) return;
      if (piece.includes(id)) await open(id);
    });
    expect(orders.map((order) => order.id)).toEqual([id]);
  });

  test('has what the log says of the account, however much, and no name of the staff', async () => {
    for (let n = 0; n < 60; n += 1) await logIn(identity, ada.email, ada.password);
    await changeRole(identity, ada.customerId, 'support', ADMIN);
    const { accountEvents } = await exported();
    expect(accountEvents.map(({ type }) => type)).toEqual(await identity.listEventTypes(ada.customerId));
    expect(accountEvents.find(({ type }) => type === 'RoleChanged')).toMatchObject({
      by: 'staff',
      data: { from: 'customer', to: 'support' },
    });
    expect(JSON.stringify(accountEvents)).not.toContain(ADMIN.id);
  });
});
