import { ulid } from 'ulid';
import { productId } from '../../domain/ids';
import { createProduct, type ProductChange, replaceProduct } from '../../domain/product';
import { startImport } from '../../temporal/import-start';
import { DIALECTS } from '../support/databases';
import { storedImport } from '../support/imports';
import { Lab } from '../support/lab';
import { type Damage, testDamages } from './damages';
import { audit, sql } from './shop';

const facts = () => ({
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

/** A product with three versions. @returns its sku. */
async function product(lab: Lab): Promise<string> {
  const { db, productChanges } = lab.store;
  const created = createProduct(facts(), 1);
  const changes: ProductChange[] = [created];
  for (const unitPriceMinor of [2_000, 3_000]) {
    const before = (changes.at(-1) as ProductChange).after;
    changes.push(replaceProduct(before, { ...before, unitPriceMinor }, 2) as ProductChange);
  }
  await db.write((tx) => productChanges.store(changes, { kind: 'system' }, tx));
  return created.after.sku;
}

const changed =
  (assignment: string): Damage =>
  async (lab) => {
    const sku = await product(lab);
    await sql(lab, `UPDATE products SET ${assignment} WHERE sku = :sku`, { sku });
    return { [productId(sku)]: ['projection_mismatch'] };
  };

const altered =
  (assignment: string): Damage =>
  async (lab) => {
    const stream = productId(await product(lab));
    await sql(lab, `UPDATE events SET ${assignment} WHERE stream = :stream AND seq = 2`, { stream });
    return { [stream]: ['chain_broken'] };
  };

testDamages({
  'a price is changed past the log': changed('price_minor = 1'),
  'a product is put on sale past the log': changed('active = 0'),
  'an attribute is changed past the log': changed(`attributes = '{}'`),
  'a version is taken back': changed('version = 2'),
  'a product is deleted': async (lab) => {
    const sku = await product(lab);
    await sql(lab, 'DELETE FROM products WHERE sku = :sku', { sku });
    return { [productId(sku)]: ['projection_mismatch'] };
  },
  'an old price is written out of the log': altered("body = REPLACE(body, '2000', '2001')"),
  'the end of an import is written anew': async (lab) => {
    const id = await storedImport(lab.store, ulid().toLowerCase(), { chunks: 1, rowsOfChunk: 1 });
    await startImport(lab.client, lab.queues.orders, id);
    await lab.handle(id).result();
    await sql(lab, "UPDATE events SET body = REPLACE(body, 'completed', 'cancelled') WHERE stream = :id", {
      id,
    });
    return { [id]: ['chain_broken'] };
  },
});

test.each(DIALECTS)('on %s a catalogue that was only changed by its own ways agrees', async (dialect) => {
  const lab = await Lab.open({ dialect });
  try {
    await product(lab);
    const id = await storedImport(lab.store, ulid().toLowerCase(), { chunks: 2, rowsOfChunk: 40 });
    await startImport(lab.client, lab.queues.orders, id);
    await lab.handle(id).result();
    const { verified, blamed } = await audit(lab);
    expect(blamed).toEqual({});
    expect(verified.streams).toBe(1 + 80 + 1);
  } finally {
    await lab.close();
  }
});
