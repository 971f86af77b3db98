import { PRODUCTS } from '../db/seeds/catalogue';
import { canonicalJson } from '../domain/canonical-json';
import type { CloudEvent } from '../domain/events';
import { productId } from '../domain/ids';
import type { Product, ProductFacts } from '../domain/product';
import { termsOfProduct } from '../domain/search-terms';
import type { Finding } from './findings';

/** What is stored of a product besides its log. */
export interface StoredProduct {
  product: Product | null;
  /** What it is found by. */
  terms: readonly string[];
}

/**
 * Holds a product against what its events tell, and its search terms against the product. The demo's products have no
 * event of their beginning: they begin as the demo says.
 */
export function checkProduct(
  sku: string,
  events: readonly CloudEvent[],
  { product, terms }: StoredProduct,
): Finding[] {
  const mismatch = (detail: string): Finding[] => [
    { check: 'projection_mismatch', subject: productId(sku), detail },
  ];
  if (product === null) {
    return mismatch(`its ${events.length > 0 ? 'log is' : 'search terms are'} there and the product is not`);
  }
  const begun = events[0]?.type === 'ProductCreated' ? {} : inDemo(sku);
  if (begun === null) return mismatch('nothing tells of how it came to be');
  const changes = events.map(({ data }) => ({ ...factsOf(data), version: data.version }));
  const told: Partial<Product> = Object.assign({}, begun, ...changes);
  const wrong = (Object.keys(told) as (keyof Product)[]).filter(
    (field) => canonicalJson(told[field]) !== canonicalJson(product[field]),
  );
  if (wrong.length > 0) return mismatch(`the log tells of another ${wrong.join(', ')}`);
  const [is, should] = [[...terms].sort(), termsOfProduct(product).sort()];
  return canonicalJson(is) === canonicalJson(should)
    ? []
    : mismatch(`it is found by ${is.length} words, should be by ${should.length}: ${differing(is, should)}`);
}

const differing = (is: readonly string[], should: readonly string[]): string =>
  [...is.filter((term) => !should.includes(term)), ...should.filter((term) => !is.includes(term))].join(', ');

const factsOf = (data: CloudEvent['data']): object => (data.product ?? data.changed ?? {}) as object;

function inDemo(sku: string): (ProductFacts & { version: number }) | null {
  const seeded = PRODUCTS.find((product) => product.sku === sku);
  return seeded === undefined
    ? null
    : { ...seeded, imageUrl: null, attributes: {}, active: true, version: 1 };
}
