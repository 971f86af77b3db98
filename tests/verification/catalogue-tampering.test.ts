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

/** A product with a version of each price. @returns its sku. */
async function createVersionedProduct(lab: WorkflowTestEnv, pricesMinor = [2_000, 3_000]): Promise<string> {
  const { db, productChanges } = lab.store;
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
  async (lab) => {
    const sku = await createVersionedProduct(lab);
    await executeSql(lab, `UPDATE products SET ${assignment} WHERE sku = :sku`, { sku });
    return { [productId(sku)]: ['projection_mismatch'] };
  };

const alterProductEvent =
  (assignment: string): Tampering =>
  async (lab) => {
    const stream = productId(await createVersionedProduct(lab));
    await executeSql(lab, `UPDATE events SET ${assignment} WHERE stream = :stream AND seq = 2`, { stream });
    return { [stream]: ['chain_broken'] };
  };

const alterImport =
  (change: string): Tampering =>
  async (lab) => {
    const id = await createStoredImport(lab.store, ulid().toLowerCase(), { chunks: 1, rowsOfChunk: 2 });
    await startImport(lab.client, lab.queues.orders, id);
    await lab.getHandle(id).result();
    await executeSql(lab, `${change} WHERE id = :id`, { id });
    return { [id]: ['projection_mismatch'] };
  };

testTampering({
  'a price is changed past the log': alterProduct('price_minor = 1'),
  'a product is put on sale past the log': alterProduct('active = 0'),
  'an attribute is changed past the log': alterProduct(`attributes = '{}'`),
  'a version is taken back': alterProduct('version = 2'),
  'a product is deleted': async (lab) => {
    const sku = await createVersionedProduct(lab);
    await executeSql(lab, 'DELETE FROM products WHERE sku = :sku', { sku });
    return { [productId(sku)]: ['projection_mismatch'] };
  },
  'a product is inserted that the log does not tell of': async (lab) => {
    const sku = await createVersionedProduct(lab);
    const copy = `${sku}-copy`;
    const rest =
      'name, description, price_minor, currency, tax_class, weight_grams, attributes, created_at_ms, updated_at_ms';
    await executeSql(
      lab,
      `INSERT INTO products (sku, ${rest}) SELECT :copy, ${rest} FROM products WHERE sku = :sku`,
      { sku, copy },
    );
    return { [productId(copy)]: ['projection_mismatch'] };
  },
  'a price of the demo is changed past the log': async (lab) => {
    await executeSql(lab, "UPDATE products SET price_minor = 1 WHERE sku = 'oak-desk'");
    return { [productId('oak-desk')]: ['projection_mismatch'] };
  },
  'a product of the demo that had a change of its own gets another name': async (lab) => {
    const { db, products, productChanges } = lab.store;
    const before = await products.find('tea-assam');
    if (before === null) throw new Error('no tea');
    const change = replaceProduct(before, { ...before, unitPriceMinor: 7 }, 2) as ProductChange;
    await db.write((tx) => productChanges.saveChanges([change], { kind: 'system' }, tx));
    await executeSql(lab, "UPDATE products SET tax_class = 'zero' WHERE sku = 'tea-assam'");
    return { [productId('tea-assam')]: ['projection_mismatch'] };
  },
  'a word is taken from what a product is found by': async (lab) => {
    const sku = await createVersionedProduct(lab);
    await executeSql(lab, "DELETE FROM product_terms WHERE sku = :sku AND term = 'lamp'", { sku });
    return { [productId(sku)]: ['projection_mismatch'] };
  },
  'a product is found by a word that it does not have': async (lab) => {
    await executeSql(lab, "INSERT INTO product_terms (term, sku) VALUES ('gold', 'wall-shelf')");
    return { [productId('wall-shelf')]: ['projection_mismatch'] };
  },
  'words lead to a product that there is not': async (lab) => {
    await executeSql(lab, "INSERT INTO product_terms (term, sku) VALUES ('ghost', 'ghost')");
    return { [productId('ghost')]: ['projection_mismatch'] };
  },
  'the row of an import is deleted': alterImport('DELETE FROM product_imports'),
  'the row of an import that nobody told of is inserted': async (lab) => {
    const id = importId(ulid());
    await executeSql(
      lab,
      `INSERT INTO product_imports (id, caller, actor, currency, status, created_at_ms, updated_at_ms)
       VALUES (:id, 'x', '{"kind":"system"}', 'EUR', 'received', 1, ${Date.now()})`,
      { id },
    );
    return { [id]: ['projection_mismatch'] };
  },
  'the counts of an import are altered': alterImport(
    'UPDATE product_imports SET created = created - 1, updated = updated + 1',
  ),
  'the rows of an import are altered': alterImport('UPDATE product_imports SET row_count = 9'),
  'an import is made to have ended otherwise': alterImport("UPDATE product_imports SET status = 'cancelled'"),
  'an import is made to go on': alterImport(
    "UPDATE product_imports SET status = 'importing', ended_at_ms = NULL",
  ),
  'an old price is written out of the log': alterProductEvent("body = REPLACE(body, '2000', '2001')"),
  'the end of an import is written anew': async (lab) => {
    const id = await createStoredImport(lab.store, ulid().toLowerCase(), { chunks: 1, rowsOfChunk: 1 });
    await startImport(lab.client, lab.queues.orders, id);
    await lab.getHandle(id).result();
    await executeSql(
      lab,
      "UPDATE events SET body = REPLACE(body, 'completed', 'cancelled') WHERE stream = :id",
      {
        id,
      },
    );
    return { [id]: ['chain_broken'] };
  },
});

test.each(DIALECTS)('on %s a catalogue that was only changed by its own ways agrees', async (dialect) => {
  const lab = await WorkflowTestEnv.create({ dialect });
  try {
    await createVersionedProduct(lab);
    const id = await createStoredImport(lab.store, ulid().toLowerCase(), { chunks: 2, rowsOfChunk: 40 });
    await startImport(lab.client, lab.queues.orders, id);
    await lab.getHandle(id).result();
    const { verified, blamed } = await runVerification(lab);
    expect(blamed).toEqual({});
    expect(verified.streams).toBe(1 + 80 + 1);
  } finally {
    await lab.close();
  }
});

test('a product that had many prices is held against all of them, and never many are in memory', async () => {
  const lab = await WorkflowTestEnv.create({ dialect: 'sqlite' });
  try {
    const sku = await createVersionedProduct(lab, [...Array(450).keys()]);
    const { reads, stockReads } = createVerifyDependencies(lab);
    let most = 0;
    const counted = (rows: LogRow[]) => {
      most = Math.max(most, rows.length);
      return rows;
    };
    const spied = {
      reads: {
        ...reads,
        findEvents: async (streams: readonly string[]) => {
          const found = await reads.findEvents(streams);
          counted([...found.values()].flat());
          return found;
        },
      },
      stockReads: {
        ...stockReads,
        findEvents: async (...page: Parameters<typeof stockReads.findEvents>) =>
          counted(await stockReads.findEvents(...page)),
      },
    };
    expect((await runVerification(lab, undefined, spied)).blamed).toEqual({});
    expect(most).toBe(200);

    await executeSql(lab, 'UPDATE products SET price_minor = 448 WHERE sku = :sku', { sku });
    expect((await runVerification(lab, undefined, spied)).blamed).toEqual({
      [productId(sku)]: ['projection_mismatch'],
    });
  } finally {
    await lab.close();
  }
});
