import type { Sequelize } from 'sequelize';
import type { Product } from '../../domain/catalogue/product';
import { BIGINT, BOOLEAN, defineTable, JSON_TEXT, KEY, type RowModel, STRING } from '../core/table';

interface ProductModel extends RowModel<ProductModel>, Product {}

interface ProductTermModel extends RowModel<ProductTermModel> {
  term: string;
  sku: string;
}

export const defineCatalogueModels = (sequelize: Sequelize) => ({
  products: defineTable<ProductModel>(sequelize, 'products', {
    sku: KEY,
    name: STRING,
    description: STRING,
    unitPriceMinor: { type: BIGINT, field: 'price_minor' },
    currency: STRING,
    taxClass: STRING,
    weightGrams: BIGINT,
    imageUrl: { type: STRING, allowNull: true },
    attributes: JSON_TEXT,
    active: BOOLEAN,
    version: BIGINT,
    createdAtMs: BIGINT,
    updatedAtMs: BIGINT,
  }),
  productTerms: defineTable<ProductTermModel>(sequelize, 'product_terms', { term: KEY, sku: KEY }),
});
