import { addTerms } from '../../db/catalogue/product-terms';
import type { Database } from '../../db/core/connect';
import { execute } from '../../db/core/sql';

/** One product in ten has each material, one in twenty each noun. */
const MATERIALS = 'walnut oak ash beech linen wool brass copper glass stone'.split(' ');
const PRODUCT_NOUNS =
  'desk chair lamp shelf stool table bench clock frame mirror basket bowl vase tray rug hook box rack stand mat'.split(
    ' ',
  );
const pickWord = (words: readonly string[], n: number): string => words[n % words.length] ?? '';

export interface CatalogueOptions {
  /** A SKU is this prefix, a hyphen and the product's number. */
  skuPrefix: string;
  productCount: number;
  /** Products per transaction. */
  chunkSize: number;
}

export const generateName = (n: number): string =>
  `${pickWord(MATERIALS, n)} ${pickWord(PRODUCT_NOUNS, Math.floor(n / 7))}`;
export const generateDescription = (n: number): string => `number${n}, handmade`;

/** Inserts products and their search terms only: no events, no comparison with existing rows. */
export async function fillCatalogue(
  db: Database,
  { skuPrefix, productCount, chunkSize }: CatalogueOptions,
): Promise<void> {
  for (let first = 0; first < productCount; first += chunkSize) {
    const products = Array.from({ length: Math.min(chunkSize, productCount - first) }, (_, i) => {
      const n = first + i;
      return {
        sku: `${skuPrefix}-${n}`,
        name: generateName(n),
        description: generateDescription(n),
        attributes: {},
      };
    });
    const rows = JSON.stringify(products.map(({ sku, name, description }) => [sku, name, description]));
    const source =
      db.dialect === 'mysql'
        ? `SELECT sku, name, description, 1000, 'EUR', 'standard', 100, '{}', 1, 1 FROM JSON_TABLE(:rows, '$[*]' COLUMNS (
           sku VARCHAR(190) PATH '$[0]', name VARCHAR(200) PATH '$[1]', description VARCHAR(2000) PATH '$[2]')) AS imported`
        : `SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
           1000, 'EUR', 'standard', 100, '{}', 1, 1 FROM json_each(:rows)`;
    await db.write(async (tx) => {
      await execute(
        db,
        `INSERT INTO products
           (sku, name, description, price_minor, currency, tax_class, weight_grams, attributes, created_at_ms, updated_at_ms)
         ${source}`,
        { rows },
        tx,
      );
      await addTerms(db, products, tx);
    });
  }
}
