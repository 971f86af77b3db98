import type { Client } from '@temporalio/client';
import { ulid } from 'ulid';
import { execute } from '../../../db/core/sql';
import { createProductImport, type ProductFile } from '../../../services/catalogue/imports';
import { deactivateProduct } from '../../../services/catalogue/products';
import { adjustStock } from '../../../services/inventory/adjustments';
import { requestPlacement } from '../../../services/orders/place-order';
import { createApiContext } from '../../harness/http/api-context';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { buildOrderRequest } from '../../system/orders/orders';
import { createStaffAuditContext, getStockLevel } from '../inventory/inventory';
import { queryNumber } from '../orders/sample-orders';

/** Accepts every workflow start; nothing runs. */
const temporal = {
  withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
  withDeadline: async () => undefined,
  workflow: {},
} as unknown as Client;

interface TestRequest {
  caller: string;
  key: string | undefined;
  /** Requests with the same number are equal. */
  quantity: number;
}

interface TestResult {
  id: string;
  replayed: boolean;
}

const createFile = (quantity: number): ProductFile => {
  async function* readLines() {
    yield Buffer.from('sku,name,price\n');
    yield Buffer.from(`imported-${quantity},Board,1.00\n`);
  }
  return { announcedBytes: 0, bytes: readLines() };
};

const SENDERS: Record<string, (shop: TestStore, request: TestRequest) => Promise<TestResult>> = {
  async placement({ store }, { caller, key, quantity }) {
    const body = buildOrderRequest({ 'walnut-desk': quantity }, { email: 'ada@example.com' });
    const { orderId, replayed } = await requestPlacement(createApiContext({ store, temporal }), {
      body,
      caller,
      placedBy: { kind: 'guest' },
      customerId: null,
      idempotencyKey: key,
      waitMs: 0,
    });
    return { id: orderId, replayed };
  },

  async stock_adjustment({ store }, { caller, key = ulid(), quantity }) {
    const { movement, replayed } = await adjustStock(
      store,
      ulid(),
      { sku: 'desk-mat', warehouse: 'BER', change: { delta: quantity }, reason: 'found', note: null },
      { caller, idempotencyKey: key, bodyHash: `hash-${quantity}` },
      createStaffAuditContext(),
    );
    return { id: movement.id, replayed };
  },

  async product_import({ store }, { caller, key, quantity }) {
    const { productImport, replayed } = await createProductImport(
      createApiContext({ store, temporal }),
      createFile(quantity),
      { actor: { kind: 'staff', id: caller }, idempotencyKey: key },
    );
    return { id: productImport.id, replayed };
  },
};

const OPERATIONS = Object.keys(SENDERS);
const TABLES: Record<string, string> = {
  placement: 'placements',
  stock_adjustment: 'stock_movements',
  product_import: 'product_imports',
};

describe.each(DIALECTS)('idempotency keys on %s', (dialect) => {
  let shop: TestStore;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
  });
  afterAll(() => shop?.close());

  const countKeys = () => queryNumber(shop.db, 'SELECT COUNT(*) FROM idempotency_keys');

  describe.each(OPERATIONS)('of a %s', (operation) => {
    const send = ({ caller = 'cus_ADA', key, quantity = 1 }: Partial<TestRequest> = {}) =>
      SENDERS[operation]!(shop, { caller, key, quantity });
    const countResources = () => queryNumber(shop.db, `SELECT COUNT(*) FROM ${TABLES[operation]}`);

    test('fifty concurrent requests with one key create one resource', async () => {
      const [key, resources, keys] = [ulid(), await countResources(), await countKeys()];
      const results = await Promise.all(Array.from({ length: 50 }, () => send({ key })));
      expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(new Set(results.map(({ id }) => id)).size).toBe(1);
      expect(await send({ key })).toEqual({ id: results[0]?.id, replayed: true });
      expect(await countResources()).toBe(resources + 1);
      expect(await countKeys()).toBe(keys + 1);
    });

    test('a key with another body is rejected and changes nothing', async () => {
      const key = ulid();
      const first = await send({ key });
      const resources = await countResources();
      await expect(send({ key, quantity: 2 })).rejects.toMatchObject({ code: 'idempotency_key_reused' });
      expect(await countResources()).toBe(resources);
      expect(await send({ key })).toEqual({ ...first, replayed: true });
    });

    test('concurrent first uses of a key with two bodies have one winner', async () => {
      const [key, resources] = [ulid(), await countResources()];
      const quantities = Array.from({ length: 20 }, (_, n) => 1 + (n % 2));
      const results = await Promise.allSettled(quantities.map((quantity) => send({ key, quantity })));
      const fulfilled = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
      expect(fulfilled.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(new Set(fulfilled.map(({ id }) => id)).size).toBe(1);
      expect(errors.map(({ code }) => code)).toEqual(Array(10).fill('idempotency_key_reused'));
      expect(await countResources()).toBe(resources + 1);
    });

    test('two callers may use the same key: each gets a separate resource', async () => {
      const key = ulid();
      const [ada, bob] = await Promise.all([send({ key }), send({ key, caller: 'cus_BOB', quantity: 2 })]);
      expect([ada.replayed, bob.replayed]).toEqual([false, false]);
      expect(ada.id).not.toBe(bob.id);
    });

    test('requests without a key are independent', async () => {
      const keys = await countKeys();
      const [first, second] = [await send(), await send()];
      expect(first.id).not.toBe(second.id);
      if (operation !== 'stock_adjustment') expect(await countKeys()).toBe(keys);
    });
  });

  test('one caller may use the same key for each operation', async () => {
    const key = ulid();
    const results = await Promise.all(
      OPERATIONS.map((operation) => SENDERS[operation]!(shop, { caller: 'cus_ADA', key, quantity: 1 })),
    );
    expect(results.map(({ replayed }) => replayed)).toEqual([false, false, false]);
  });

  test('a failed request leaves its key unused, also when it is sent concurrently', async () => {
    const key = ulid();
    const remove = (quantity: number) =>
      SENDERS.stock_adjustment!(shop, { caller: 'cus_ADA', key, quantity: -quantity });
    const { onHand = 0 } = (await getStockLevel(shop.store, 'desk-mat')) ?? {};
    const results = await Promise.allSettled(Array.from({ length: 50 }, () => remove(onHand + 1)));
    for (const result of results)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'stock_reserved' } });
    expect(await remove(1)).toMatchObject({ replayed: false });
  });

  test('replays a placement whose product can no longer be ordered', async () => {
    const request = { caller: 'cus_ADA', key: ulid(), quantity: 1 };
    const first = await SENDERS.placement!(shop, request);
    const ctx = createApiContext({ store: shop.store, temporal });
    await deactivateProduct(ctx, 'walnut-desk', () => true, { kind: 'system' });
    try {
      expect(await SENDERS.placement!(shop, request)).toEqual({ ...first, replayed: true });
      await expect(SENDERS.placement!(shop, { ...request, key: ulid() })).rejects.toMatchObject({
        code: 'unknown_sku',
      });
    } finally {
      await shop.db.write((tx) =>
        execute(shop.db, "UPDATE products SET active = 1 WHERE sku = 'walnut-desk'", {}, tx),
      );
    }
  });

  test('an upload that loses its key to a concurrent upload leaves no rows', async () => {
    const key = ulid();
    const request = { caller: 'cus_ADA', key, quantity: 1 };
    await Promise.all(Array.from({ length: 5 }, () => SENDERS.product_import!(shop, request)));
    const uploading = "SELECT COUNT(*) FROM product_imports WHERE status = 'uploading'";
    expect(await queryNumber(shop.db, uploading)).toBe(0);
    const orphanedChunks = `SELECT COUNT(*) FROM product_import_chunks
      WHERE import_id NOT IN (SELECT id FROM product_imports)`;
    expect(await queryNumber(shop.db, orphanedChunks)).toBe(0);
  });
});
