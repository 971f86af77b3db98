import type { TaxClass } from '../domain/pricing';
import type { Database, Tx } from './connect';
import { limit, select } from './sql';

export interface Product {
  sku: string;
  name: string;
  description: string;
  unitPriceMinor: number;
  currency: string;
  taxClass: TaxClass;
  weightGrams: number;
}

/** The catalogue as customers see it: active products. */
export interface Products {
  /** Whether there is such a product, sold or not. */
  exists(sku: string, tx?: Tx): Promise<boolean>;
  bySkus(skus: readonly string[]): Promise<Product[]>;
  /** By sku, ascending, after `afterSku`. */
  list(page: { afterSku?: string; limit: number }): Promise<Product[]>;
}

const COLUMNS = `sku, name, description, price_minor AS unitPriceMinor, currency, tax_class AS taxClass,
  weight_grams AS weightGrams`;

export function createProducts(db: Database): Products {
  return {
    async exists(sku, tx) {
      return (await select(db, 'SELECT sku FROM products WHERE sku = :sku', { sku }, tx)).length > 0;
    },

    bySkus: (skus) =>
      select<Product>(db, `SELECT ${COLUMNS} FROM products WHERE sku IN (:skus) AND active = 1`, { skus }),

    list: ({ afterSku = '', limit: rows }) =>
      select<Product>(
        db,
        `SELECT ${COLUMNS} FROM products WHERE sku > :afterSku AND active = 1 ORDER BY sku${limit(rows)}`,
        { afterSku },
      ),
  };
}
