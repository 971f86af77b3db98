import { addTerms } from '../catalogue/product-terms';
import { openingMovementsSql } from '../inventory/opening-movements';
import { PRODUCTS, STOCK, WAREHOUSES } from '../seeds/catalogue';
import type { Database } from './connect';
import { execute, insert, select } from './sql';

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
    await addTerms(
      db,
      missing.map((p) => ({ ...p, attributes: {} })),
      tx,
    );
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
    await execute(db, openingMovementsSql(db.dialect, nowMs), {}, tx);
  });
}
