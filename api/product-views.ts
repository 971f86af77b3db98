import type { ProductImport as StoredImport } from '../db/product-imports';
import { money } from '../domain/money';
import type { Product as StoredProduct } from '../domain/product';
import { percentOf } from '../domain/product-import';
import type { Product, ProductImport } from './schemas/product';
import { iso } from './views';

export const productPath = (sku: string): string => `/api/products/${sku}`;
export const importPath = (id: string): string => `/api/products/imports/${id}`;

export const presentProduct = (p: StoredProduct): Product => ({
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
  createdAt: iso(p.createdAtMs),
  updatedAt: iso(p.updatedAtMs),
});

/** @param temporalUrl of its workflow's page. */
export const presentImport = (found: StoredImport, temporalUrl: string): ProductImport => ({
  id: found.id,
  status: found.status,
  rows: found.rows,
  done: found.doneRows,
  percent: percentOf(found),
  created: found.created,
  updated: found.updated,
  unchanged: found.unchanged,
  faulty: found.faulty,
  failure: found.failure,
  createdAt: iso(found.createdAtMs),
  endedAt: found.endedAtMs === null ? null : iso(found.endedAtMs),
  links: { self: importPath(found.id), temporal: temporalUrl },
});
