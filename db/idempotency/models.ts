import type { InferAttributes, Sequelize } from 'sequelize';
import { BIGINT, defineTable, KEY, type RowModel, STRING } from '../core/table';

/** Operations that accept an idempotency key. Keys of different operations are independent. */
export type IdempotentOperation = 'placement' | 'stock_adjustment' | 'product_import';

interface IdempotencyKeyModel extends RowModel<IdempotencyKeyModel> {
  caller: string;
  operation: IdempotentOperation;
  idempotencyKey: string;
  /** Keyed hash of the request: compares a repeated request without storing its body. */
  requestHash: string;
  /** The resource that the first request created. */
  resourceId: string;
  createdAtMs: number;
}
export type StoredIdempotencyKey = Omit<InferAttributes<IdempotencyKeyModel>, 'createdAtMs'>;

export const defineIdempotencyModels = (sequelize: Sequelize) => ({
  idempotencyKeys: defineTable<IdempotencyKeyModel>(sequelize, 'idempotency_keys', {
    caller: KEY,
    operation: KEY,
    idempotencyKey: KEY,
    requestHash: STRING,
    resourceId: STRING,
    createdAtMs: BIGINT,
  }),
});
