import { PRODUCTS } from '../db/seeds/catalogue';
import type { Product, ProductData } from '../domain/catalogue/product';
import { extractProductTerms } from '../domain/catalogue/search-terms';
import { canonicalJson } from '../domain/shared/canonical-json';
import type { CloudEvent } from '../domain/shared/events';
import { productId } from '../domain/shared/ids';
import type { Finding } from './findings';

/** What is stored of a product besides its log. */
export interface StoredProduct {
  product: Product | null;
  /** What it is found by. */
  terms: readonly string[];
}

/**
 * What the events of one product tell. The demo's products have no event of their beginning: they begin as the demo says.
 * What it holds does not grow with the number of events.
 */
export class ProductProjection {
  private firstType: string | undefined;
  private readonly changed: Partial<Product> = {};

  constructor(private readonly sku: string) {}

  /** @param event the next one. */
  apply({ type, data }: CloudEvent): void {
    this.firstType ??= type;
    Object.assign(this.changed, getProductData(data), { version: data.version });
  }

  /** Holds the product against what was told, and its search terms against the product. */
  check({ product, terms }: StoredProduct): Finding[] {
    const mismatch = (detail: string): Finding[] => [
      { check: 'projection_mismatch', subject: productId(this.sku), detail },
    ];
    if (product === null) {
      const left = this.firstType === undefined ? 'search terms are' : 'log is';
      return mismatch(`its ${left} there and the product is not`);
    }
    const begun = this.firstType === 'ProductCreated' ? {} : findSeedProduct(this.sku);
    if (begun === null) return mismatch('nothing tells of how it came to be');
    const told: Partial<Product> = { ...begun, ...this.changed };
    const wrong = (Object.keys(told) as (keyof Product)[]).filter(
      (field) => canonicalJson(told[field]) !== canonicalJson(product[field]),
    );
    if (wrong.length > 0) return mismatch(`the log tells of another ${wrong.join(', ')}`);
    const [is, should] = [[...terms].sort(), extractProductTerms(product).sort()];
    return canonicalJson(is) === canonicalJson(should)
      ? []
      : mismatch(
          `it is found by ${is.length} words, should be by ${should.length}: ${describeDifference(is, should)}`,
        );
  }
}

const describeDifference = (is: readonly string[], should: readonly string[]): string =>
  [...is.filter((term) => !should.includes(term)), ...should.filter((term) => !is.includes(term))].join(', ');

const getProductData = (data: CloudEvent['data']): object => (data.product ?? data.changed ?? {}) as object;

function findSeedProduct(sku: string): (ProductData & { version: number }) | null {
  const seeded = PRODUCTS.find((product) => product.sku === sku);
  return seeded === undefined
    ? null
    : { ...seeded, imageUrl: null, attributes: {}, active: true, version: 1 };
}
