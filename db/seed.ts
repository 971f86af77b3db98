import { termsOfProduct } from '../domain/search-terms';
import { batches } from './batches';
import type { Database } from './connect';
import { PRODUCTS, STOCK, WAREHOUSES } from './seeds/catalogue';
import { insert, select } from './sql';

/** Puts the demo catalogue and its stock where they are missing; what is there is left as it is. */
export async function seed(db: Database, nowMs: number): Promise<void> {
  await db.write(async (tx) => {
    const skus = PRODUCTS.map((p) => p.sku);
    const known = await select<{ sku: string }>(
      db,
      'SELECT sku FROM products WHERE sku IN (:skus)',
      { skus },
      tx,
    );
    // A product may have another name by now: what it is found by is left as it is, too.
    const missing = PRODUCTS.filter(({ sku }) => !known.some((product) => product.sku === sku));
    await insert(
      db,
      'products',
      missing.map((p) => ({
        sku: p.sku,
        name: p.name,
        description: p.description,
        price_minor: p.unitPriceMinor,
        currency: p.currency,
        tax_class: p.taxClass,
        weight_grams: p.weightGrams,
        created_at_ms: nowMs,
        updated_at_ms: nowMs,
      })),
      { tx, ifNew: true },
    );
    const terms = missing.flatMap((p) =>
      termsOfProduct({ ...p, attributes: {} }).map((term) => ({ term, sku: p.sku })),
    );
    for (const batch of batches(terms)) await insert(db, 'product_terms', batch, { tx, ifNew: true });
    await insert(
      db,
      'warehouses',
      WAREHOUSES.map(({ code, name, country }) => ({ code, name, country })),
      { tx, ifNew: true },
    );
    await insert(
      db,
      'stock',
      STOCK.map(({ sku, warehouse, onHand }) => ({ sku, warehouse, on_hand: onHand })),
      { tx, ifNew: true },
    );
  });
}
