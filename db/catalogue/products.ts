import type { Product } from '../../domain/catalogue/product';
import { type ProductQuery, prefixUpperBound } from '../../domain/catalogue/search-terms';
import type { TaxClass } from '../../domain/pricing/price-rules';
import { toBatches } from '../core/batches';
import type { Database, Tx } from '../core/connect';
import { forUpdate, limit, type Params, select } from '../core/sql';

/** What a basket needs of a product. */
export interface PricedProduct {
  sku: string;
  name: string;
  unitPriceMinor: number;
  currency: string;
  taxClass: TaxClass;
  weightGrams: number;
}

/** Which products a list shows: those that are sold, those that are not, or all. */
export type VisibilityFilter = 'active' | 'inactive' | 'all';

/** Where a page of a search begins: behind this term of this product. */
export interface SearchPosition {
  /** The word of the query along whose terms it goes: the same for all pages. */
  driving: string;
  term: string;
  sku: string;
}

/** The catalogue. What is written into it goes through `ProductChanges`. */
export interface Products {
  /** For baskets: active products only. */
  findBySkus(skus: readonly string[]): Promise<PricedProduct[]>;
  /** Whether there is such a product, sold or not. */
  exists(sku: string, tx?: Tx): Promise<boolean>;
  find(sku: string): Promise<Product | null>;
  /** By sku, ascending, after `afterSku`. Active ones unless told otherwise. */
  list(page: { afterSku?: string; visibility?: VisibilityFilter; limit: number }): Promise<Product[]>;
  /**
   * Products of which every word of the query begins a term: by the smallest term that the driving word begins, then by
   * sku. So whole words come before longer ones. The driving word is the one that begins the fewest terms; of those that
   * begin more than are counted, the longest.
   */
  search(
    query: ProductQuery,
    page: { after?: SearchPosition; visibility?: VisibilityFilter; limit: number },
  ): Promise<(Product & SearchPosition)[]>;
  /** Locks the rows for the rest of the transaction, in the order of the key. */
  lock(skus: readonly string[], tx: Tx): Promise<Map<string, Product>>;
}

const PRICED_COLUMNS = `sku, name, price_minor AS unitPriceMinor, currency, tax_class AS taxClass,
  weight_grams AS weightGrams`;
const columns = (table: string): string =>
  `${table}.sku, ${table}.name, ${table}.description, ${table}.price_minor AS unitPriceMinor, ${table}.currency,
   ${table}.tax_class AS taxClass, ${table}.weight_grams AS weightGrams, ${table}.image_url AS imageUrl,
   ${table}.attributes, ${table}.active, ${table}.version, ${table}.created_at_ms AS createdAtMs,
   ${table}.updated_at_ms AS updatedAtMs`;

type Row = Omit<Product, 'attributes' | 'active'> & { attributes: string; active: number };

const fromRow = <R extends Row>(row: R) => ({
  ...row,
  attributes: JSON.parse(row.attributes) as Record<string, string>,
  active: row.active === 1,
});

export function createProducts(db: Database): Products {
  return {
    async exists(sku, tx) {
      return (await select(db, 'SELECT sku FROM products WHERE sku = :sku', { sku }, tx)).length > 0;
    },

    findBySkus: (skus) =>
      select<PricedProduct>(
        db,
        `SELECT ${PRICED_COLUMNS} FROM products WHERE sku IN (:skus) AND active = 1`,
        {
          skus,
        },
      ),

    async find(sku) {
      const [row] = await select<Row>(db, `SELECT ${columns('p')} FROM products p WHERE p.sku = :sku`, {
        sku,
      });
      return row === undefined ? null : fromRow(row);
    },

    async list({ afterSku = '', visibility = 'active', limit: rows }) {
      const found = await select<Row>(
        db,
        `SELECT ${columns('p')} FROM products p WHERE p.sku > :afterSku${visibilityCondition(visibility)} ORDER BY p.sku${limit(rows)}`,
        { afterSku },
      );
      return found.map(fromRow);
    },

    async search(words, { after, visibility = 'active', limit: rows }) {
      const driving = after?.driving ?? (await selectDrivingWord(db, words));
      const end = prefixUpperBound(driving);
      if (after === undefined) return matches('t.term >= :driving AND t.term < :end', { end }, rows);
      // In two steps, each a range of the key in its order: as one condition neither database reads it so, and MariaDB
      // sorts where the order begins with a constant.
      const behind = { term: after.term, sku: after.sku };
      const first = await matches('t.term = :term AND t.sku > :sku', behind, rows, 't.sku');
      if (first.length === rows) return first;
      const left = rows - first.length;
      return [
        ...first,
        ...(await matches('t.term > :term AND t.term < :end', { term: after.term, end }, left)),
      ];

      async function matches(range: string, params: Params, most: number, order = 't.term, t.sku') {
        const { sql, others } = buildWordConditions(words.filter((word) => word !== driving));
        const found = await select<Row & { term: string }>(
          db,
          `SELECT t.term, ${columns('p')} FROM product_terms t ${orderedJoin(db)} products p ON p.sku = t.sku
           WHERE ${range}${visibilityCondition(visibility)} AND t.term <= ${nextTermSubquery(':driving')}${sql}
           ORDER BY ${order}${limit(most)}`,
          { driving, ...others, ...params },
        );
        return found.map((row) => fromRow({ ...row, driving }));
      }
    },

    async lock(skus, tx) {
      const found: Product[] = [];
      for (const batch of toBatches([...new Set(skus)].sort())) {
        const rows = await select<Row>(
          db,
          `SELECT ${columns('p')} FROM products p WHERE p.sku IN (:batch) ORDER BY p.sku${forUpdate(db)}`,
          { batch },
          tx,
        );
        found.push(...rows.map(fromRow));
      }
      return new Map(found.map((product) => [product.sku, product]));
    },
  };
}

/** Terms of one word that are counted: more of them are too many to tell apart by. */
const MAX_COUNTED_TERMS = 2_000;
/** A search along so few is quick, whatever the other words are. */
const FEW_TERMS = 50;

/** The word along which a search has the fewest products to look at. */
async function selectDrivingWord(db: Database, words: ProductQuery): Promise<string> {
  let [best = '', fewest] = [words[0], Number.POSITIVE_INFINITY];
  if (words.length < 2) return best;
  for (const word of words) {
    const terms = await countTerms(db, word);
    if (terms < fewest) [best, fewest] = [word, terms];
    if (fewest <= FEW_TERMS) break;
  }
  return best;
}

async function countTerms(db: Database, word: string): Promise<number> {
  const range = 'FROM product_terms WHERE term >= :word AND term < :end';
  const params = { word, end: prefixUpperBound(word) };
  const many = await select(
    db,
    `SELECT term ${range} ORDER BY term, sku${limit(1)} OFFSET ${MAX_COUNTED_TERMS}`,
    params,
  );
  if (many.length > 0) return MAX_COUNTED_TERMS;
  const [row] = await select<{ terms: number }>(db, `SELECT COUNT(*) AS terms ${range}`, params);
  return Number(row?.terms);
}

const visibilityCondition = (visibility: VisibilityFilter): string =>
  visibility === 'all' ? '' : ` AND p.active = ${visibility === 'active' ? 1 : 0}`;

/** A join that begins with the table on its left, whatever the planner thinks: the index there gives the order. */
const orderedJoin = (db: Database): string => (db.dialect === 'mysql' ? 'STRAIGHT_JOIN' : 'CROSS JOIN');

/**
 * The product's first term from `word` on: one look into an index. As EXISTS it would say the same, and planners may turn
 * that into a join which has to be sorted.
 */
const nextTermSubquery = (word: string): string =>
  `(SELECT w.term FROM product_terms w WHERE w.sku = t.sku AND w.term >= ${word} ORDER BY w.term LIMIT 1)`;

function buildWordConditions(words: readonly string[]): { sql: string; others: Params } {
  const others: Params = {};
  const conditions = words.map((word, i) => {
    others[`word${i}`] = word;
    others[`end${i}`] = prefixUpperBound(word);
    return ` AND ${nextTermSubquery(`:word${i}`)} < :end${i}`;
  });
  return { sql: conditions.join(''), others };
}
