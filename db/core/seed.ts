import { addTerms } from '../catalogue/product-terms';
import { PRODUCTS, STOCK, WAREHOUSES } from '../seeds/catalogue';
import type { Database } from './connect';
import { insert, select } from './sql';

/** Adds the missing products, warehouses and stock of the sample catalogue; existing rows stay unchanged. */
export async function seed(db: Database, nowMs: number): Promise<void> {
  await db.write(async (tx) => {
    const readKeys = async (sql: string) =>
      new Set((await select<{ id: string }>(db, sql, {}, tx)).map(({ id }) => id));
    const skus = await readKeys('SELECT sku AS id FROM products');
    // Terms are added with their product only: an edited product may be found by other terms than the seed's.
    const products = PRODUCTS.filter(({ sku }) => !skus.has(sku));
    await insert(
      db,
      'products',
      products.map((p) => ({
        sku: p.sku,
        name: p.name,
        description: p.description,
        price_minor: p.unitPriceMinor,
        currency: p.currency,
        tax_class: p.taxClass,
        weight_grams: p.weightGrams,
        attributes: '{}',
        created_at_ms: nowMs,
        updated_at_ms: nowMs,
      })),
      { tx },
    );
    await addTerms(
      db,
      products.map((p) => ({ ...p, attributes: {} })),
      tx,
    );

    const codes = await readKeys('SELECT code AS id FROM warehouses');
    const warehouses = WAREHOUSES.filter(({ code }) => !codes.has(code));
    await insert(
      db,
      'warehouses',
      warehouses.map(({ code, name, country }) => ({ code, name, country })),
      { tx },
    );

    const movementKey = (sku: string, warehouse: string) => `opening:${sku}:${warehouse}`;
    const rows = await select<{ sku: string; warehouse: string }>(
      db,
      'SELECT sku, warehouse FROM stock',
      {},
      tx,
    );
    const stocked = new Set(rows.map(({ sku, warehouse }) => movementKey(sku, warehouse)));
    const stock = STOCK.filter(({ sku, warehouse }) => !stocked.has(movementKey(sku, warehouse)));
    await insert(
      db,
      'stock',
      stock.map(({ sku, warehouse, onHand }) => ({ sku, warehouse, on_hand: onHand })),
      { tx },
    );
    await insert(
      db,
      'stock_movements',
      stock.map(({ sku, warehouse, onHand }) => ({
        movement_key: movementKey(sku, warehouse),
        sku,
        warehouse,
        on_hand_delta: onHand,
        on_hand_after: onHand,
        reason: 'opening',
        actor: 'system',
        at_ms: nowMs,
      })),
      { tx },
    );
  });
}
