import type { TaxClass } from '../pricing/price-rules';
import { canonicalJson } from '../shared/canonical-json';

/** The editable fields of a product. */
export interface ProductData {
  sku: string;
  name: string;
  description: string;
  /** Minor units of `currency`. */
  unitPriceMinor: number;
  /** ISO 4217 code of the shop's currency. */
  currency: string;
  taxClass: TaxClass;
  weightGrams: number;
  /** An https URL, or a path on this host. */
  imageUrl: string | null;
  /** Free attributes for display and search: `colour`, `material`. */
  attributes: Record<string, string>;
  /** Whether the product is for sale. Products are never deleted, as orders refer to them; a sku is never reused. */
  active: boolean;
}

export interface Product extends ProductData {
  /** Incremented by every change. */
  version: number;
  createdAtMs: number;
  updatedAtMs: number;
}

/** One change of one product. `before` is null for a new one. */
export interface ProductChange {
  before: Product | null;
  after: Product;
}

export const createProduct = (data: ProductData, atMs: number): ProductChange => ({
  before: null,
  after: { ...data, version: 1, createdAtMs: atMs, updatedAtMs: atMs },
});

/** @returns null if nothing changes. */
export function replaceProduct(before: Product, data: ProductData, atMs: number): ProductChange | null {
  if (Object.keys(getChangedFields(before, data)).length === 0) return null;
  return { before, after: { ...before, ...data, version: before.version + 1, updatedAtMs: atMs } };
}

export const deactivateProduct = (before: Product, atMs: number): ProductChange | null =>
  replaceProduct(before, { ...toProductData(before), active: false }, atMs);

export function toProductData(product: Product): ProductData {
  const { version: _, createdAtMs: __, updatedAtMs: ___, ...data } = product;
  return data;
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

/** The fields that differ, with their values from `after`. */
export function getChangedFields(before: ProductData, after: ProductData): Partial<ProductData> {
  const changed = PRODUCT_FIELDS.filter(
    (field) => canonicalJson(before[field]) !== canonicalJson(after[field]),
  );
  return Object.fromEntries(changed.map((field) => [field, after[field]]));
}
