import { PRODUCTS } from '../db/seeds/catalogue';
import type { Product, ProductData } from '../domain/catalogue/product';
import { extractProductTerms } from '../domain/catalogue/search-terms';
import { canonicalJson } from '../domain/shared/canonical-json';
import type { CloudEvent } from '../domain/shared/events';
import { productId } from '../domain/shared/ids';
import type { Finding } from './findings';

/** The stored rows of a product. */
export interface StoredProduct {
  product: Product | null;
  /** Its search terms. */
  terms: readonly string[];
}

/**
 * Projects a product from its events in constant memory. Seeded products have no `ProductCreated` event: they start from
 * the seed data.
 */
export class ProductProjection {
  private firstType: string | undefined;
  private readonly changed: Partial<Product> = {};

  constructor(private readonly sku: string) {}

  /** @param event the next event of the stream. */
  apply({ type, data }: CloudEvent): void {
    this.firstType ??= type;
    Object.assign(this.changed, getProductData(data), { version: data.version });
  }

  /** Compares the product with the projection, and its search terms with the product. */
  check({ product, terms }: StoredProduct): Finding[] {
    const mismatch = (detail: string): Finding[] => [
      { check: 'projection_mismatch', subject: productId(this.sku), detail },
    ];
    if (product === null) {
      const remains = this.firstType === undefined ? 'search terms exist' : 'log exists';
      return mismatch(`the product is missing, its ${remains}`);
    }
    const initial = this.firstType === 'ProductCreated' ? {} : findSeedProduct(this.sku);
    if (initial === null) return mismatch('the log has no creation event');
    const expected: Partial<Product> = { ...initial, ...this.changed };
    const differing = (Object.keys(expected) as (keyof Product)[]).filter(
      (field) => canonicalJson(expected[field]) !== canonicalJson(product[field]),
    );
    if (differing.length > 0) return mismatch(`the log has a different ${differing.join(', ')}`);
    const [actual, wanted] = [[...terms].sort(), extractProductTerms(product).sort()];
    return canonicalJson(actual) === canonicalJson(wanted)
      ? []
      : mismatch(
          `has ${actual.length} search terms, expected ${wanted.length}: ${describeDifference(actual, wanted)}`,
        );
  }
}

const describeDifference = (actual: readonly string[], expected: readonly string[]): string =>
  [
    ...actual.filter((term) => !expected.includes(term)),
    ...expected.filter((term) => !actual.includes(term)),
  ].join(', ');

const getProductData = (data: CloudEvent['data']): object => (data.product ?? data.changed ?? {}) as object;

function findSeedProduct(sku: string): (ProductData & { version: number }) | null {
  const seeded = PRODUCTS.find((product) => product.sku === sku);
  return seeded === undefined
    ? null
    : { ...seeded, imageUrl: null, attributes: {}, active: true, version: 1 };
}
