import type { Client } from '@temporalio/client';
import type { PersonalDataExport } from '../../../api/customers/schemas';
import { streamPersonalDataExport } from '../../../api/customers/serializers';
import { orderLinks, toOrderResponse } from '../../../api/orders/serializers';
import { logIn } from '../../../services/auth/login';
import { changeRole } from '../../../services/auth/roles';
import { exportPersonalData } from '../../../services/customers/export-personal-data';
import type { OrderWithContact } from '../../../services/orders/find-order';
import { type PlacementRequest, requestPlacement } from '../../../services/orders/place-order';
import type { OrderInput } from '../../../workflows/orders/messages';
import { createApiContext } from '../../harness/http/api-context';
import { type TestCustomer, TestIdentity } from '../../harness/http/test-identity';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { buildOrderRequest } from '../../system/orders/orders';

const ADMIN = { kind: 'staff' as const, id: 'cus_ADMIN' };

describe.each(DIALECTS)('personal data export on %s', (dialect) => {
  let shop: TestStore;
  let identity: TestIdentity;
  let ada: TestCustomer;
  const temporal = {
    options: { namespace: 'default' },
    workflow: {},
    withDeadline: async () => {
      throw new Error('unavailable');
    },
  } as unknown as Client;
  beforeEach(async () => {
    shop = await createTestStore(dialect);
    identity = new TestIdentity(shop.store);
    ada = await identity.createCustomer();
  });
  afterEach(() => shop?.close());

  const ctx = () => createApiContext({ store: shop.store, auth: identity, temporal });
  const readExport = async (onPiece: (piece: string) => Promise<void> = async () => undefined) => {
    let text = '';
    const data = await exportPersonalData(ctx(), ada.customerId);
    const toOrder = ({ order, contact }: OrderWithContact) =>
      toOrderResponse(order, contact, orderLinks(ctx(), order.id));
    for await (const piece of streamPersonalDataExport(data, ada.sessionId, toOrder)) {
      text += piece;
      await onPiece(piece);
    }
    return JSON.parse(text) as PersonalDataExport;
  };
  /** Claims a placement while Temporal is unavailable. @returns the order id. */
  const claimOrder = async (idempotencyKey: string): Promise<string> => {
    const request: PlacementRequest = {
      body: buildOrderRequest(undefined, { email: ada.email }),
      caller: ada.customerId,
      placedBy: { kind: 'customer', id: ada.customerId },
      customerId: ada.customerId,
      idempotencyKey,
      waitMs: 0,
    };
    await expect(requestPlacement(ctx(), request)).rejects.toMatchObject({ code: 'service_unavailable' });
    const key = { caller: ada.customerId, operation: 'placement', idempotencyKey } as const;
    return (await shop.store.idempotencyKeys.find(key))?.resourceId ?? '';
  };
  const insertOrder = async (orderId: string): Promise<void> => {
    const { input = '' } = (await shop.store.placements.findByOrder(orderId)) ?? {};
    await shop.db.write((tx) => shop.store.orders.insert((JSON.parse(input) as OrderInput).order, tx));
  };

  test('contains orders that are not created yet, with their contact', async () => {
    const [created, pending] = [await claimOrder('one'), await claimOrder('two')];
    await insertOrder(created);
    const { orders } = await readExport();
    expect(orders.map(({ id }) => id)).toEqual([pending, created]);
    expect(orders[0]).toMatchObject({ status: 'placed', customer: { email: ada.email } });
  });

  test('contains an order once when it is created during the export', async () => {
    const id = await claimOrder('one');
    const { orders } = await readExport(async (piece) => {
      if (piece.includes('"orders":[')) return;
      if (piece.includes(id)) await insertOrder(id);
    });
    expect(orders.map((order) => order.id)).toEqual([id]);
  });

  test('contains every event of the account without the ids of staff', async () => {
    for (let n = 0; n < 60; n += 1) await logIn(identity, ada.email, ada.password);
    await changeRole(identity, ada.customerId, 'support', ADMIN);
    const { accountEvents } = await readExport();
    expect(accountEvents.map(({ type }) => type)).toEqual(await identity.listEventTypes(ada.customerId));
    expect(accountEvents.find(({ type }) => type === 'RoleChanged')).toMatchObject({
      by: 'staff',
      data: { from: 'customer', to: 'support' },
    });
    expect(JSON.stringify(accountEvents)).not.toContain(ADMIN.id);
  });
});
