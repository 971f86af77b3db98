import type { Product } from '../../domain/catalogue/product';
import { type ProductQuery, prefixUpperBound } from '../../domain/catalogue/search-terms';
import type { TaxClass } from '../../domain/pricing/price-rules';
import { toBatches } from '../core/batches';
import type { Database, Tx } from '../core/connect';
import { forUpdate, limit, type Params, select, selectRows } from '../core/sql';
import { decodeRow, formatColumnList } from '../core/table';

/** The product data that a cart needs. */
export interface PricedProduct {
  sku: string;
  name: string;
  unitPriceMinor: number;
  currency: string;
  taxClass: TaxClass;
  weightGrams: number;
}

export type VisibilityFilter = 'active' | 'inactive' | 'all';

/** The last result of the previous page of a search. */
export interface SearchPosition {
  /** The word of the query whose terms are read in order: the same for all pages. */
  driving: string;
  term: string;
  sku: string;
}

/** Reads the catalogue. `ProductChanges` writes it. */
export interface Products {
  /** Active products only. */
  findBySkus(skus: readonly string[]): Promise<PricedProduct[]>;
  /** Whether the product exists, active or not. */
  exists(sku: string, tx?: Tx): Promise<boolean>;
  find(sku: string): Promise<Product | null>;
  /** By sku, ascending, after `afterSku`. Visibility defaults to active. */
  list(page: { afterSku?: string; visibility?: VisibilityFilter; limit: number }): Promise<Product[]>;
  /**
   * Products with a term for every word of the query that begins with it, ordered by the smallest matching term of the
   * driving word, then by sku: exact words precede longer ones. The driving word is the one with the fewest terms.
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
export function createProducts(db: Database): Products {
  const { products } = db.models;
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
      return (await selectRows(db, products, 'WHERE sku = :sku', { sku }))[0] ?? null;
    },

    list({ afterSku = '', visibility = 'active', limit: rows }) {
      const condition = `sku > :afterSku${visibilityCondition(visibility, '')}`;
      return selectRows(db, products, `WHERE ${condition} ORDER BY sku${limit(rows)}`, { afterSku });
    },

    async search(words, { after, visibility = 'active', limit: rows }) {
      const driving = after?.driving ?? (await selectDrivingWord(db, words));
      const end = prefixUpperBound(driving);
      if (db.dialect === 'sqlite') return searchInWindows(after ?? { term: driving, sku: '' });
      if (after === undefined) return matches('t.term >= :driving AND t.term < :end', { end }, rows);
      // Two range reads in key order: MySQL does not read one combined condition so, and MariaDB sorts when the order
      // begins with a constant.
      const cursor = { term: after.term, sku: after.sku };
      const first = await matches('t.term = :term AND t.sku > :sku', cursor, rows, 't.sku');
      if (first.length === rows) return first;
      const left = rows - first.length;
      return [
        ...first,
        ...(await matches('t.term > :term AND t.term < :end', { term: after.term, end }, left)),
      ];

      /** One statement would read all terms of the word when few products have the other words. */
      async function searchInWindows(start: { term: string; sku: string }) {
        const found: (Product & SearchPosition)[] = [];
        let { term, sku } = start;
        for (let terms = FIRST_WINDOW_TERMS; ; terms = Math.min(2 * terms, MAX_WINDOW_TERMS)) {
          const last = await findTermAt(db, { term, sku, end }, terms);
          const range = `(t.term, t.sku) > (:term, :sku) AND ${last === null ? 't.term < :end' : '(t.term, t.sku) <= (:lastTerm, :lastSku)'}`;
          const params = last === null ? { end } : { lastTerm: last.term, lastSku: last.sku };
          found.push(...(await matches(range, { term, sku, ...params }, rows - found.length)));
          if (last === null || found.length === rows) return found;
          ({ term, sku } = last);
        }
      }

      async function matches(range: string, params: Params, most: number, order = 't.term, t.sku') {
        const { sql, others } = buildWordConditions(words.filter((word) => word !== driving));
        const found = await select<Product & { term: string }>(
          db,
          `SELECT t.term, ${formatColumnList(products, 'p')} FROM product_terms t ${orderedJoin(db)} products p ON p.sku = t.sku
           WHERE ${range}${visibilityCondition(visibility)} AND t.term <= ${nextTermSubquery(':driving')}${sql}
           ORDER BY ${order}${limit(most)}`,
          { driving, ...others, ...params },
        );
        return found.map((row) => ({ ...decodeRow(products, row), driving }));
      }
    },

    async lock(skus, tx) {
      const locked: Product[] = [];
      for (const batch of toBatches([...new Set(skus)].sort())) {
        const clauses = `WHERE sku IN (:batch) ORDER BY sku${forUpdate(db)}`;
        locked.push(...(await selectRows(db, products, clauses, { batch }, tx)));
      }
      return new Map(locked.map((product) => [product.sku, product]));
    },
  };
}

/** Terms of one word are counted up to this number. */
const MAX_COUNTED_TERMS = 2_000;
/** A search along so few terms is fast, whatever the other words are. */
const FEW_TERMS = 50;

/** Terms that a search reads in one statement on SQLite, which blocks the process for up to 10 ms. */
const MAX_WINDOW_TERMS = 4_096;
const FIRST_WINDOW_TERMS = 256;

/** @returns the term that is `terms` after the given position, null when fewer are left. */
async function findTermAt(
  db: Database,
  position: { term: string; sku: string; end: string },
  terms: number,
): Promise<{ term: string; sku: string } | null> {
  const [row] = await select<{ term: string; sku: string }>(
    db,
    `SELECT term, sku FROM product_terms WHERE (term, sku) > (:term, :sku) AND term < :end
     ORDER BY term, sku${limit(1)} OFFSET ${terms - 1}`,
    position,
  );
  return row ?? null;
}

/** The word with the fewest terms; the longest one of those with more than are counted. */
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

const visibilityCondition = (visibility: VisibilityFilter, prefix = 'p.'): string =>
  visibility === 'all' ? '' : ` AND ${prefix}active = ${visibility === 'active' ? 1 : 0}`;

/** A join that always begins with the left table, whose index provides the order. */
const orderedJoin = (db: Database): string => (db.dialect === 'mysql' ? 'STRAIGHT_JOIN' : 'CROSS JOIN');

/**
 * The product's first term from `word` on: one index read. Planners may turn an equivalent EXISTS into a join that has
 * to be sorted.
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
