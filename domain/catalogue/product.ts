import type { TaxClass } from '../pricing/price-rules';
import { canonicalJson } from '../shared/canonical-json';

/** What people say of a product. */
export interface ProductData {
  sku: string;
  name: string;
  description: string;
  /** Minor units of `currency`. */
  unitPriceMinor: number;
  /** ISO 4217 code: the shop's. */
  currency: string;
  taxClass: TaxClass;
  weightGrams: number;
  /** An https address, or a path on this host. */
  imageUrl: string | null;
  /** Facts that only people and searches read: `colour`, `material`. */
  attributes: Record<string, string>;
  /** Sold at present. A product is never removed: orders refer to it, and its sku is never given to another one. */
  active: boolean;
}

export interface Product extends ProductData {
  /** Grows by one with every change. */
  version: number;
  createdAtMs: number;
  updatedAtMs: number;
}

/** One change of one product. `before` is null for a new one. */
export interface ProductChange {
  before: Product | null;
  after: Product;
}

export const createProduct = (facts: ProductData, atMs: number): ProductChange => ({
  before: null,
  after: { ...facts, version: 1, createdAtMs: atMs, updatedAtMs: atMs },
});

/** @returns null when the product is like that already. */
export function replaceProduct(before: Product, facts: ProductData, atMs: number): ProductChange | null {
  if (Object.keys(getChangedFields(before, facts)).length === 0) return null;
  return { before, after: { ...before, ...facts, version: before.version + 1, updatedAtMs: atMs } };
}

export const deactivateProduct = (before: Product, atMs: number): ProductChange | null =>
  replaceProduct(before, { ...toProductData(before), active: false }, atMs);

export function toProductData(product: Product): ProductData {
  const { version: _, createdAtMs: __, updatedAtMs: ___, ...facts } = product;
  return facts;
}

const PRODUCT_FIELDS = [
  'sku',
  'name',
  'description',
  'unitPriceMinor',
  'currency',
  'taxClass',
  'weightGrams',
  'imageUrl',
  'attributes',
  'active',
] as const satisfies readonly (keyof ProductData)[];

/** The fields in which `after` is not like `before`, as they are afterwards. */
export function getChangedFields(before: ProductData, after: ProductData): Partial<ProductData> {
  const changed = PRODUCT_FIELDS.filter(
    (field) => canonicalJson(before[field]) !== canonicalJson(after[field]),
  );
  return Object.fromEntries(changed.map((field) => [field, after[field]]));
}
