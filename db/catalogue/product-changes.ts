import type { ProductChange } from '../../domain/catalogue/product';
import { productChanged } from '../../domain/catalogue/product-events';
import { extractProductTerms } from '../../domain/catalogue/search-terms';
import type { Actor } from '../../domain/orders/order';
import { toBatches } from '../core/batches';
import type { Database, Tx } from '../core/connect';
import { insertRows } from '../core/sql';
import type { EventLog } from '../events/event-log';
import { renewCatalogueVersion } from './catalogue-version';
import { addTerms } from './product-terms';

/** Writes products, their search terms and their events in one transaction: the only writer of the catalogue. */
export interface ProductChanges {
  /**
   * @param changes in chronological order, with the products locked.
   * @throws an error that `isDuplicate` when another transaction has created one of the new products.
   */
  saveChanges(changes: readonly ProductChange[], actor: Actor, tx: Tx): Promise<void>;
}

export function createProductChanges(db: Database, log: EventLog): ProductChanges {
  const { products } = db.models;
  return {
    async saveChanges(changes, actor, tx) {
      if (changes.length === 0) return;
      const merged = mergeChangesBySku(changes);
      const created = merged.filter(({ before }) => before === null).map(({ after }) => after);
      const updated = merged.filter(({ before }) => before !== null).map(({ after }) => after);
      for (const rows of toBatches(created)) await insertRows(db, products, rows, { tx });
      for (const rows of toBatches(updated)) {
        await insertRows(db, products, rows, { tx, orUpdate: UPDATABLE_COLUMNS });
      }
      await replaceTerms(db, merged, tx);
      await log.appendToStreams(
        changes.map((change) => productChanged(change, actor)),
        tx,
      );
      await renewCatalogueVersion(db, tx);
    },
  };
}

const UPDATABLE_COLUMNS = [
  'name',
  'description',
  'price_minor',
  'currency',
  'tax_class',
  'weight_grams',
  'image_url',
  'attributes',
  'active',
  'version',
  'updated_at_ms',
];

/** One change of each product, by sku: rows are written in the order in which they are locked. */
function mergeChangesBySku(changes: readonly ProductChange[]): ProductChange[] {
  const bySku = new Map<string, ProductChange>();
  for (const { before, after } of changes) {
    const earlier = bySku.get(after.sku);
    bySku.set(after.sku, { before: earlier === undefined ? before : earlier.before, after });
  }
  return [...bySku.values()].sort((a, b) => (a.after.sku < b.after.sku ? -1 : 1));
}

/** Only for products whose terms have changed: most changes are of prices. */
async function replaceTerms(db: Database, changes: readonly ProductChange[], tx: Tx): Promise<void> {
  const changed = changes.filter(
    ({ before, after }) =>
      before === null || extractProductTerms(before).join() !== extractProductTerms(after).join(),
  );
  const known = changed.flatMap(({ before }) => before?.sku ?? []);
  for (const skus of toBatches(known)) {
    await db.models.productTerms.destroy({ where: { sku: skus }, transaction: tx });
  }
  await addTerms(
    db,
    changed.map(({ after }) => after),
    tx,
  );
}
