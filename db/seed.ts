import type { Database } from './connect';
import { openingMovements } from './opening-movements';
import { PRODUCTS, STOCK, WAREHOUSES } from './seeds/catalogue';
import { execute, insert } from './sql';

/** Puts the demo catalogue and its stock where they are missing; what is there is left as it is. */
export async function seed(db: Database, nowMs: number): Promise<void> {
  await db.write(async (tx) => {
    await insert(
      db,
      'products',
      PRODUCTS.map((p) => ({
        sku: p.sku,
        name: p.name,
        description: p.description,
        price_minor: p.unitPriceMinor,
        currency: p.currency,
        tax_class: p.taxClass,
        weight_grams: p.weightGrams,
        updated_at_ms: nowMs,
      })),
      { tx, ifNew: true },
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
    await execute(db, openingMovements(db.dialect, nowMs), {}, tx);
  });
}
