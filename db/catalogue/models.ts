import type { CreationOptional, InferAttributes, Sequelize } from 'sequelize';
import type { Product } from '../../domain/catalogue/product';
import type { ImportCounts, ImportStatus } from '../../domain/catalogue/product-import';
import type { Actor } from '../../domain/orders/order';
import { BIGINT, BOOLEAN, defineTable, JSON_TEXT, KEY, nullable, type RowModel, STRING } from '../core/table';

interface ProductModel extends RowModel<ProductModel>, Product {}

interface ProductTermModel extends RowModel<ProductTermModel> {
  term: string;
  sku: string;
}

interface CatalogueVersionModel extends RowModel<CatalogueVersionModel> {
  id: number;
  version: string;
}

/** An imported file of products and its progress. Hash, columns and rows are complete after the upload. */
interface ProductImportModel extends RowModel<ProductImportModel> {
  id: string;
  /** Keyed hash of the file. */
  bodyHash: CreationOptional<string>;
  actor: Actor;
  /** Currency of the prices in the file. */
  currency: string;
  columns: CreationOptional<readonly string[]>;
  status: ImportStatus | 'uploading';
  rows: CreationOptional<number>;
  chunks: CreationOptional<number>;
  appliedChunks: CreationOptional<number>;
  doneRows: CreationOptional<number>;
  created: CreationOptional<ImportCounts['created']>;
  updated: CreationOptional<ImportCounts['updated']>;
  unchanged: CreationOptional<ImportCounts['unchanged']>;
  faulty: CreationOptional<ImportCounts['faulty']>;
  /** Reason of the failure, for users. */
  failure: CreationOptional<string | null>;
  createdAtMs: number;
  updatedAtMs: number;
  endedAtMs: CreationOptional<number | null>;
}
export type ProductImport = Omit<InferAttributes<ProductImportModel>, 'status' | 'updatedAtMs'> & {
  status: ImportStatus;
};

/** The cells of one row, after its line number. */
export type ChunkRow = [line: number, ...cells: string[]];

interface ProductImportChunkModel extends RowModel<ProductImportChunkModel> {
  importId: string;
  chunk: number;
  rowCount: number;
  body: ChunkRow[];
}

interface ProductImportErrorModel extends RowModel<ProductImportErrorModel> {
  importId: string;
  seq: number;
  line: number;
  sku: string | null;
  field: string;
  detail: string;
}

const zero = { type: BIGINT, defaultValue: 0 };
const numberKey = { type: BIGINT, primaryKey: true } as const;

export const defineCatalogueModels = (sequelize: Sequelize) => ({
  products: defineTable<ProductModel>(sequelize, 'products', {
    sku: KEY,
    name: STRING,
    description: STRING,
    unitPriceMinor: { type: BIGINT, field: 'price_minor' },
    currency: STRING,
    taxClass: STRING,
    weightGrams: BIGINT,
    imageUrl: nullable(STRING),
    attributes: JSON_TEXT,
    active: BOOLEAN,
    version: BIGINT,
    createdAtMs: BIGINT,
    updatedAtMs: BIGINT,
  }),
  productTerms: defineTable<ProductTermModel>(sequelize, 'product_terms', { term: KEY, sku: KEY }),
  catalogueVersion: defineTable<CatalogueVersionModel>(sequelize, 'catalogue_version', {
    id: numberKey,
    version: STRING,
  }),
  productImports: defineTable<ProductImportModel>(sequelize, 'product_imports', {
    id: KEY,
    bodyHash: nullable(STRING),
    actor: JSON_TEXT,
    currency: STRING,
    columns: { ...nullable(JSON_TEXT), field: 'csv_columns' },
    status: STRING,
    rows: { ...zero, field: 'row_count' },
    chunks: { ...zero, field: 'chunk_count' },
    appliedChunks: zero,
    doneRows: zero,
    created: zero,
    updated: zero,
    unchanged: zero,
    faulty: zero,
    failure: nullable(STRING),
    createdAtMs: BIGINT,
    updatedAtMs: BIGINT,
    endedAtMs: nullable(BIGINT),
  }),
  productImportChunks: defineTable<ProductImportChunkModel>(sequelize, 'product_import_chunks', {
    importId: KEY,
    chunk: numberKey,
    rowCount: BIGINT,
    body: JSON_TEXT,
  }),
  productImportErrors: defineTable<ProductImportErrorModel>(sequelize, 'product_import_errors', {
    importId: KEY,
    seq: numberKey,
    line: BIGINT,
    sku: nullable(STRING),
    field: STRING,
    detail: STRING,
  }),
});
