import { ulid } from 'ulid';
import { createImportActivities } from '../../../activities/product-imports';
import { createVerificationReader } from '../../../db/verification/verification-reader';
import { productId } from '../../../domain/shared/ids';
import { deactivateProduct, replaceProduct } from '../../../services/catalogue/products';
import { ProductProjection } from '../../../verification/product';
import { createApiContext } from '../../harness/http/api-context';
import { createStoredImport } from '../../harness/http/product-imports';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { listStreamEvents } from '../inventory/inventory';
import { queryRows } from '../orders/sample-orders';

describe.each(DIALECTS)('import activities on %s', (dialect) => {
  let shop: TestStore;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
  });
  afterAll(() => shop.close());

  const snapshot = async () => [
    await queryRows(shop.db, 'SELECT * FROM products ORDER BY sku'),
    await queryRows(shop.db, 'SELECT * FROM product_terms ORDER BY term, sku'),
    await queryRows(shop.db, 'SELECT * FROM events ORDER BY id'),
    await queryRows(shop.db, 'SELECT * FROM event_streams ORDER BY stream'),
    await queryRows(shop.db, 'SELECT * FROM product_imports ORDER BY id'),
  ];

  test('each activity can be retried at any later time without an effect', async () => {
    const activities = createImportActivities(shop.store);
    const id = await createStoredImport(shop.store, ulid().toLowerCase(), { chunks: 2, rowsOfChunk: 70 });
    await activities.startImport(id);
    const first = await activities.applyChunk(id, 0);
    expect(first).toMatchObject({ appliedChunks: 1, doneRows: 70, created: 70, outcome: null });
    const afterFirst = await snapshot();
    expect(await activities.startImport(id)).toEqual(first);
    expect(await activities.applyChunk(id, 0)).toEqual(first);
    // All but `product_imports`, which stores the time of its last update.
    expect((await snapshot()).slice(0, 4)).toEqual(afterFirst.slice(0, 4));

    await activities.applyChunk(id, 1);
    const last = await activities.finishImport(id, 'completed', null);
    expect(last).toMatchObject({ doneRows: 140, created: 140, outcome: 'completed' });
    const afterFinish = await snapshot();
    expect(await activities.finishImport(id, 'cancelled', 'late')).toEqual(last);
    expect(await activities.applyChunk(id, 1)).toEqual(last);
    expect(await activities.startImport(id)).toEqual(last);
    expect(await snapshot()).toEqual(afterFinish);
  });

  test('an import resumes from the stored chunk when the database lost applied chunks', async () => {
    const activities = createImportActivities(shop.store);
    const id = await createStoredImport(shop.store, ulid().toLowerCase(), { chunks: 3, rowsOfChunk: 2 });
    const initial = await activities.startImport(id);
    expect(await activities.applyChunk(id, 2)).toEqual({ ...initial, appliedChunks: 0, outcome: null });
    expect(await activities.finishImport(id, 'completed', null)).toMatchObject({
      appliedChunks: 0,
      outcome: null,
    });
    for (const chunk of [0, 1, 2]) await activities.applyChunk(id, chunk);
    expect(await activities.finishImport(id, 'completed', null)).toMatchObject({
      created: 6,
      outcome: 'completed',
    });
  });

  test('two concurrent attempts apply a chunk once', async () => {
    const activities = createImportActivities(shop.store);
    const id = await createStoredImport(shop.store, ulid().toLowerCase(), { chunks: 1, rowsOfChunk: 20 });
    await activities.startImport(id);
    const [a, b] = await Promise.all([activities.applyChunk(id, 0), activities.applyChunk(id, 0)]);
    expect(a).toEqual(b);
    expect(a).toMatchObject({ appliedChunks: 1, created: 20, unchanged: 0 });
  });

  test('two concurrent imports of the same new products create each product once', async () => {
    const prefix = ulid().toLowerCase();
    const activities = createImportActivities(shop.store);
    const size = { chunks: 1, rowsOfChunk: 30 };
    const ids = [
      await createStoredImport(shop.store, prefix, size),
      await createStoredImport(shop.store, prefix, size),
    ];
    /** Retries as Temporal does. */
    const applyWithRetry = async (id: string): Promise<void> => {
      await activities.applyChunk(id, 0).catch(() => applyWithRetry(id));
    };
    await Promise.all(ids.map(applyWithRetry));
    const imports = await Promise.all(ids.map((id) => shop.store.productImports.find(id)));
    const sum = (field: 'created' | 'unchanged') => imports.reduce((n, i) => n + (i?.[field] ?? 0), 0);
    expect([sum('created'), sum('unchanged')]).toEqual([30, 30]);
    const versions = await queryRows(
      shop.db,
      `SELECT COUNT(*) AS n, MAX(version) AS v FROM products WHERE sku LIKE '${prefix}%'`,
    );
    expect(versions.map(({ n, v }) => [Number(n), Number(v)])).toEqual([[30, 1]]);
  });

  test('concurrent imports, changes and removals of the same products give consecutive, logged versions', async () => {
    const activities = createImportActivities(shop.store);
    const prefix = ulid().toLowerCase();
    const size = { chunks: 1, rowsOfChunk: 20 };
    await activities.applyChunk(await createStoredImport(shop.store, prefix, size), 0);
    const priceIncrease = await createStoredImport(shop.store, prefix, { ...size, price: '2.00' });
    const skus = Array.from({ length: size.rowsOfChunk }, (_, n) => `${prefix}-${n}`);
    const staff = { kind: 'staff' as const, id: 'cus_w' };
    const isFirst = (version: number) => version === 1;
    const changeOrRemove = async (sku: string, n: number): Promise<boolean> => {
      const change =
        n % 2 === 0
          ? replaceProduct(createApiContext(shop), sku, { ...BOARD, name: `Plank ${n}` }, isFirst, staff)
          : deactivateProduct(createApiContext(shop), sku, isFirst, staff);
      try {
        await change;
        return true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'precondition_failed' });
        return false;
      }
    };

    const [early, , late] = await Promise.all([
      Promise.all(skus.slice(0, 10).map(changeOrRemove)),
      activities.applyChunk(priceIncrease, 0),
      Promise.all(skus.slice(10).map(changeOrRemove)),
    ]);

    const changed = [...early, ...late];
    const terms = await createVerificationReader(shop.db).findTerms(skus);
    for (const [n, sku] of skus.entries()) {
      const events = await listStreamEvents(shop.store, productId(sku));
      const versions = changed[n] ? [1, 2, 3] : [1, 2];
      expect(events.map(({ data }) => data.version)).toEqual(versions);
      const projection = new ProductProjection(sku);
      for (const event of events) projection.apply(event);
      const product = await shop.store.products.find(sku);
      expect(projection.check({ product, terms: terms.get(sku) ?? [] })).toEqual([]);
      expect(product).toMatchObject({ version: versions.length, unitPriceMinor: 200 });
    }
  });
});

const BOARD = {
  description: '',
  price: { amount: 300, currency: 'EUR' },
  taxClass: 'standard' as const,
  weightGrams: 0,
  imageUrl: null,
  attributes: {},
  active: true,
};
