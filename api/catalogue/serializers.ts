import type { ProductImport as StoredImport } from '../../db/catalogue/product-imports';
import type { Product as StoredProduct } from '../../domain/catalogue/product';
import { getProgressPercent } from '../../domain/catalogue/product-import';
import { money } from '../../domain/shared/money';
import { toIsoTimestamp } from '../orders/serializers';
import type { Product, ProductImport } from './schemas';

export const productPath = (sku: string): string => `/api/products/${sku}`;
export const importPath = (id: string): string => `/api/products/imports/${id}`;

export const toProductResponse = (p: StoredProduct): Product => ({
  sku: p.sku,
  name: p.name,
  description: p.description,
  price: money(p.unitPriceMinor, p.currency),
  taxClass: p.taxClass,
  weightGrams: p.weightGrams,
  imageUrl: p.imageUrl,
  attributes: p.attributes,
  active: p.active,
  version: p.version,
  createdAt: toIsoTimestamp(p.createdAtMs),
  updatedAt: toIsoTimestamp(p.updatedAtMs),
});

/** @param temporalUrl of its workflow's page. */
export const toProductImportResponse = (found: StoredImport, temporalUrl: string): ProductImport => ({
  id: found.id,
  status: found.status,
  rows: found.rows,
  done: found.doneRows,
  percent: getProgressPercent(found),
  created: found.created,
  updated: found.updated,
  unchanged: found.unchanged,
  faulty: found.faulty,
  failure: found.failure,
  createdAt: toIsoTimestamp(found.createdAtMs),
  endedAt: found.endedAtMs === null ? null : toIsoTimestamp(found.endedAtMs),
  links: { self: importPath(found.id), temporal: temporalUrl },
});
