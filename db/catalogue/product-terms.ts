import { extractProductTerms } from '../../domain/catalogue/search-terms';
import type { Database, Tx } from '../core/connect';
import { execute } from '../core/sql';

/** About 10 ms on SQLite, whose statements block the event loop. */
const MAX_ROWS_PER_STATEMENT = 1_024;

const FROM_JSON = {
  sqlite: "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:rows)",
  mysql: `SELECT term, sku FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
    term VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$[0]',
    sku VARCHAR(190) CHARACTER SET ascii COLLATE ascii_bin PATH '$[1]')) AS given`,
};

/**
 * Adds the search terms of products. They are sent as one JSON value, which takes a fifth of the time of one parameter
 * per term.
 */
export async function addTerms(
  db: Database,
  products: readonly Parameters<typeof extractProductTerms>[0][],
  tx?: Tx,
): Promise<void> {
  const rows = products.flatMap((product) => extractProductTerms(product).map((term) => [term, product.sku]));
  for (let from = 0; from < rows.length; from += MAX_ROWS_PER_STATEMENT) {
    const some = JSON.stringify(rows.slice(from, from + MAX_ROWS_PER_STATEMENT));
    await execute(db, `INSERT INTO product_terms (term, sku) ${FROM_JSON[db.dialect]}`, { rows: some }, tx);
  }
}
