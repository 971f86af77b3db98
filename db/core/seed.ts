import { renewCatalogueVersion } from '../catalogue/catalogue-version';
import { addTerms } from '../catalogue/product-terms';
import { PRODUCTS, STOCK, WAREHOUSES } from '../seeds/catalogue';
import type { Database } from './connect';
import { insertRows } from './sql';

/** Adds the missing products, warehouses and stock of the sample catalogue; existing rows stay unchanged. */
export async function seed(db: Database, nowMs: number): Promise<void> {
  const { models } = db;
  await db.write(async (tx) => {
    const where = { sku: PRODUCTS.map(({ sku }) => sku) };
    const skus = new Set((await models.products.findAll({ where, transaction: tx })).map(({ sku }) => sku));
    const products = PRODUCTS.filter(({ sku }) => !skus.has(sku)).map((product) => ({
      ...product,
      imageUrl: null,
      attributes: {},
      active: true,
      version: 1,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    }));
    await insertRows(db, models.products, products, { tx });
    // Only with their product: an edited product may have other terms than the seed's.
    await addTerms(db, products, tx);
    if (products.length > 0) await renewCatalogueVersion(db, tx);

    const codes = new Set((await models.warehouses.findAll({ transaction: tx })).map(({ code }) => code));
    const warehouses = WAREHOUSES.filter(({ code }) => !codes.has(code));
    await insertRows(
      db,
      models.warehouses,
      warehouses.map((warehouse) => ({ ...warehouse, active: true, version: 1 })),
      { tx },
    );

    const movementKey = (sku: string, warehouse: string) => `opening:${sku}:${warehouse}`;
    const rows = await models.stock.findAll({ where, transaction: tx });
    const stocked = new Set(rows.map(({ sku, warehouse }) => movementKey(sku, warehouse)));
    const stock = STOCK.filter(({ sku, warehouse }) => !stocked.has(movementKey(sku, warehouse)));
    await insertRows(db, models.stock, stock, { tx });
    const movements = stock.map(({ sku, warehouse, onHand }) => ({
      id: movementKey(sku, warehouse),
      sku,
      warehouse,
      onHandDelta: onHand,
      onHandAfter: onHand,
      reason: 'opening' as const,
      note: null,
      actor: 'system',
      atMs: nowMs,
    }));
    await insertRows(db, models.stockMovements, movements, { tx });
  });
}
