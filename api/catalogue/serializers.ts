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

/** @param temporalUrl of its workflow in the Temporal Web UI. */
export const toProductImportResponse = (productImport: StoredImport, temporalUrl: string): ProductImport => ({
  id: productImport.id,
  status: productImport.status,
  rows: productImport.rows,
  done: productImport.doneRows,
  percent: getProgressPercent(productImport),
  created: productImport.created,
  updated: productImport.updated,
  unchanged: productImport.unchanged,
  faulty: productImport.faulty,
  failure: productImport.failure,
  createdAt: toIsoTimestamp(productImport.createdAtMs),
  endedAt: productImport.endedAtMs === null ? null : toIsoTimestamp(productImport.endedAtMs),
  links: { self: importPath(productImport.id), temporal: temporalUrl },
});
