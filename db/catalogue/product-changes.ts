import type { Product, ProductChange } from '../../domain/catalogue/product';
import { productChanged } from '../../domain/catalogue/product-events';
import { extractProductTerms } from '../../domain/catalogue/search-terms';
import type { Actor } from '../../domain/orders/order';
import { toBatches } from '../core/batches';
import type { Database, Tx } from '../core/connect';
import { execute, insert } from '../core/sql';
import type { EventLog } from '../events/event-log';
import { addTerms } from './product-terms';

/** The one way into the catalogue: a product, what it is found by and the event that tells of it, in one transaction. */
export interface ProductChanges {
  /**
   * @param changes in the order they were made; their products must be locked, and those of one product follow each other.
   * @throws an error that `isDuplicate` when another transaction has made one of the new products in the meantime.
   */
  saveChanges(changes: readonly ProductChange[], actor: Actor, tx: Tx): Promise<void>;
}

export function createProductChanges(db: Database, log: EventLog): ProductChanges {
  return {
    async saveChanges(changes, actor, tx) {
      if (changes.length === 0) return;
      const whole = mergeChangesBySku(changes);
      for (const rows of toBatches(whole.filter(({ before }) => before === null).map(toRow))) {
        await insert(db, 'products', rows, { tx });
      }
      for (const rows of toBatches(whole.filter(({ before }) => before !== null).map(toRow))) {
        await insert(db, 'products', rows, { tx, orUpdate: UPDATABLE_COLUMNS });
      }
      await replaceTerms(db, whole, tx);
      await log.appendToStreams(
        changes.map((change) => productChanged(change, actor)),
        tx,
      );
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

/** What is left of the changes of each product, by sku: rows are written in the order they are locked in. */
function mergeChangesBySku(changes: readonly ProductChange[]): ProductChange[] {
  const bySku = new Map<string, ProductChange>();
  for (const { before, after } of changes) {
    const earlier = bySku.get(after.sku);
    bySku.set(after.sku, { before: earlier === undefined ? before : earlier.before, after });
  }
  return [...bySku.values()].sort((a, b) => (a.after.sku < b.after.sku ? -1 : 1));
}

const toRow = ({ after: p }: { after: Product }) => ({
  sku: p.sku,
  name: p.name,
  description: p.description,
  price_minor: p.unitPriceMinor,
  currency: p.currency,
  tax_class: p.taxClass as string,
  weight_grams: p.weightGrams,
  image_url: p.imageUrl,
  attributes: JSON.stringify(p.attributes),
  active: p.active,
  version: p.version,
  created_at_ms: p.createdAtMs,
  updated_at_ms: p.updatedAtMs,
});

/** Most changes are of prices: then there is nothing to do. */
async function replaceTerms(db: Database, changes: readonly ProductChange[], tx: Tx): Promise<void> {
  const changed = changes.filter(
    ({ before, after }) =>
      before === null || extractProductTerms(before).join() !== extractProductTerms(after).join(),
  );
  const known = changed.flatMap(({ before }) => before?.sku ?? []);
  for (const skus of toBatches(known)) {
    await execute(db, 'DELETE FROM product_terms WHERE sku IN (:skus)', { skus }, tx);
  }
  await addTerms(
    db,
    changed.map(({ after }) => after),
    tx,
  );
}
