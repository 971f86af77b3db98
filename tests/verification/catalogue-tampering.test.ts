import { ulid } from 'ulid';
import type { LogRow } from '../../db/events/event-log';
import { createProduct, type ProductChange, replaceProduct } from '../../domain/catalogue/product';
import { importId, productId } from '../../domain/shared/ids';
import { startImport } from '../../integrations/temporal/start-import';
import { createStoredImport } from '../harness/http/product-imports';
import { DIALECTS } from '../harness/servers/databases';
import { WorkflowTestEnv } from '../harness/workflow/workflow-test-env';
import { type Tampering, testTampering } from './tampering';
import { createVerifyDependencies, executeSql, runVerification } from './verification-fixtures';

const buildProductData = () => ({
  sku: `p-${ulid().toLowerCase()}`,
  name: 'Lamp',
  description: '',
  unitPriceMinor: 1_000,
  currency: 'EUR',
  taxClass: 'standard' as const,
  weightGrams: 1,
  imageUrl: null,
  attributes: { wood: 'oak' },
  active: true,
});

/** Creates a product with one version per price. @returns its sku. */
async function createVersionedProduct(
  testEnv: WorkflowTestEnv,
  pricesMinor = [2_000, 3_000],
): Promise<string> {
  const { db, productChanges } = testEnv.store;
  const created = createProduct(buildProductData(), 1);
  const changes: ProductChange[] = [created];
  for (const unitPriceMinor of pricesMinor) {
    const before = (changes.at(-1) as ProductChange).after;
    changes.push(replaceProduct(before, { ...before, unitPriceMinor }, 2) as ProductChange);
  }
  await db.write((tx) => productChanges.saveChanges(changes, { kind: 'system' }, tx));
  return created.after.sku;
}

const alterProduct =
  (assignment: string): Tampering =>
  async (testEnv) => {
    const sku = await createVersionedProduct(testEnv);
    await executeSql(testEnv, `UPDATE products SET ${assignment} WHERE sku = :sku`, { sku });
    return { [productId(sku)]: ['projection_mismatch'] };
  };

const alterProductEvent =
  (assignment: string): Tampering =>
  async (testEnv) => {
    const stream = productId(await createVersionedProduct(testEnv));
    await executeSql(testEnv, `UPDATE events SET ${assignment} WHERE stream = :stream AND seq = 2`, {
      stream,
    });
    return { [stream]: ['chain_broken'] };
  };

const alterImport =
  (change: string): Tampering =>
  async (testEnv) => {
    const id = await createStoredImport(testEnv.store, ulid().toLowerCase(), { chunks: 1, rowsOfChunk: 2 });
    await startImport(testEnv.client, testEnv.queues.orders, id);
    await testEnv.getHandle(id).result();
    await executeSql(testEnv, `${change} WHERE id = :id`, { id });
    return { [id]: ['projection_mismatch'] };
  };

testTampering({
  'a price is changed without an event': alterProduct('price_minor = 1'),
  'a product is deactivated without an event': alterProduct('active = 0'),
  'an attribute is changed without an event': alterProduct(`attributes = '{}'`),
  'a version is decremented': alterProduct('version = 2'),
  'a product is deleted': async (testEnv) => {
    const sku = await createVersionedProduct(testEnv);
    await executeSql(testEnv, 'DELETE FROM products WHERE sku = :sku', { sku });
    return { [productId(sku)]: ['projection_mismatch'] };
  },
  'a product is inserted without an event': async (testEnv) => {
    const sku = await createVersionedProduct(testEnv);
    const copy = `${sku}-copy`;
    const columns =
      'name, description, price_minor, currency, tax_class, weight_grams, attributes, created_at_ms, updated_at_ms';
    await executeSql(
      testEnv,
      `INSERT INTO products (sku, ${columns}) SELECT :copy, ${columns} FROM products WHERE sku = :sku`,
      { sku, copy },
    );
    return { [productId(copy)]: ['projection_mismatch'] };
  },
  'the price of a seeded product is changed without an event': async (testEnv) => {
    await executeSql(testEnv, "UPDATE products SET price_minor = 1 WHERE sku = 'oak-desk'");
    return { [productId('oak-desk')]: ['projection_mismatch'] };
  },
  'the tax class of a seeded product with a logged change is changed without an event': async (testEnv) => {
    const { db, products, productChanges } = testEnv.store;
    const before = await products.find('tea-assam');
    if (before === null) throw new Error('tea-assam is not seeded');
    const change = replaceProduct(before, { ...before, unitPriceMinor: 7 }, 2) as ProductChange;
    await db.write((tx) => productChanges.saveChanges([change], { kind: 'system' }, tx));
    await executeSql(testEnv, "UPDATE products SET tax_class = 'zero' WHERE sku = 'tea-assam'");
    return { [productId('tea-assam')]: ['projection_mismatch'] };
  },
  'a search term of a product is deleted': async (testEnv) => {
    const sku = await createVersionedProduct(testEnv);
    await executeSql(testEnv, "DELETE FROM product_terms WHERE sku = :sku AND term = 'lamp'", { sku });
    return { [productId(sku)]: ['projection_mismatch'] };
  },
  'a search term that a product does not contain is inserted': async (testEnv) => {
    await executeSql(testEnv, "INSERT INTO product_terms (term, sku) VALUES ('gold', 'wall-shelf')");
    return { [productId('wall-shelf')]: ['projection_mismatch'] };
  },
  'a search term of a missing product is inserted': async (testEnv) => {
    await executeSql(testEnv, "INSERT INTO product_terms (term, sku) VALUES ('ghost', 'ghost')");
    return { [productId('ghost')]: ['projection_mismatch'] };
  },
  'the row of an import is deleted': alterImport('DELETE FROM product_imports'),
  'the row of an import is inserted without an event': async (testEnv) => {
    const id = importId(ulid());
    await executeSql(
      testEnv,
      `INSERT INTO product_imports (id, actor, currency, status, created_at_ms, updated_at_ms)
       VALUES (:id, '{"kind":"system"}', 'EUR', 'received', 1, ${Date.now()})`,
      { id },
    );
    return { [id]: ['projection_mismatch'] };
  },
  'the counts of an import are altered': alterImport(
    'UPDATE product_imports SET created = created - 1, updated = updated + 1',
  ),
  'the row count of an import is altered': alterImport('UPDATE product_imports SET row_count = 9'),
  'the status of a completed import is altered': alterImport(
    "UPDATE product_imports SET status = 'cancelled'",
  ),
  'a completed import is reopened': alterImport(
    "UPDATE product_imports SET status = 'importing', ended_at_ms = NULL",
  ),
  'an earlier price in the log is altered': alterProductEvent("body = REPLACE(body, '2000', '2001')"),
  'the completion event of an import is altered': async (testEnv) => {
    const id = await createStoredImport(testEnv.store, ulid().toLowerCase(), { chunks: 1, rowsOfChunk: 1 });
    await startImport(testEnv.client, testEnv.queues.orders, id);
    await testEnv.getHandle(id).result();
    await executeSql(
      testEnv,
      "UPDATE events SET body = REPLACE(body, 'completed', 'cancelled') WHERE stream = :id",
      {
        id,
      },
    );
    return { [id]: ['chain_broken'] };
  },
});

test.each(DIALECTS)('on %s a catalogue changed through the application verifies', async (dialect) => {
  const testEnv = await WorkflowTestEnv.create({ dialect });
  try {
    await createVersionedProduct(testEnv);
    const id = await createStoredImport(testEnv.store, ulid().toLowerCase(), { chunks: 2, rowsOfChunk: 40 });
    await startImport(testEnv.client, testEnv.queues.orders, id);
    await testEnv.getHandle(id).result();
    const { summary, findings } = await runVerification(testEnv);
    expect(findings).toEqual({});
    expect(summary.streams).toBe(1 + 80 + 1);
  } finally {
    await testEnv.close();
  }
});

test('verifies every version of a product in pages of bounded size', async () => {
  const testEnv = await WorkflowTestEnv.create({ dialect: 'sqlite' });
  try {
    const sku = await createVersionedProduct(testEnv, [...Array(450).keys()]);
    const { reads, stockReads } = createVerifyDependencies(testEnv);
    let maxRows = 0;
    const recordPageSize = (rows: LogRow[]) => {
      maxRows = Math.max(maxRows, rows.length);
      return rows;
    };
    const instrumented = {
      reads: {
        ...reads,
        findEvents: async (streams: readonly string[]) => {
          const events = await reads.findEvents(streams);
          recordPageSize([...events.values()].flat());
          return events;
        },
      },
      stockReads: {
        ...stockReads,
        findEvents: async (...page: Parameters<typeof stockReads.findEvents>) =>
          recordPageSize(await stockReads.findEvents(...page)),
      },
    };
    expect((await runVerification(testEnv, undefined, instrumented)).findings).toEqual({});
    expect(maxRows).toBe(200);

    await executeSql(testEnv, 'UPDATE products SET price_minor = 448 WHERE sku = :sku', { sku });
    expect((await runVerification(testEnv, undefined, instrumented)).findings).toEqual({
      [productId(sku)]: ['projection_mismatch'],
    });
  } finally {
    await testEnv.close();
  }
});
