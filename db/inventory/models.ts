import type { CreationOptional, InferAttributes, Sequelize } from 'sequelize';
import type { StockMovement } from '../../domain/inventory/stock-movement';
import type { Warehouse } from '../../domain/inventory/warehouse';
import { BIGINT, BOOLEAN, defineTable, KEY, nullable, type RowModel, STRING } from '../core/table';

interface WarehouseModel extends RowModel<WarehouseModel>, Warehouse {}

interface StockModel extends RowModel<StockModel> {
  sku: string;
  warehouse: string;
  onHand: number;
  reserved: CreationOptional<number>;
}

interface StockItemModel extends RowModel<StockItemModel> {
  sku: string;
  threshold: number | null;
  thresholdVersion: CreationOptional<number>;
  lowSinceMs: number | null;
  crossings: CreationOptional<number>;
}

interface StockMovementModel extends RowModel<StockMovementModel>, StockMovement {
  /** Grows in the order of the movements. */
  position: CreationOptional<number>;
}
export type StoredMovement = InferAttributes<StockMovementModel>;

interface ReservationModel extends RowModel<ReservationModel> {
  id: string;
  orderId: string;
  line: number;
  sku: string;
  warehouse: string;
  quantity: number;
  /** `held` or `released`. */
  state: string;
  reservedAtMs: number;
  releasedAtMs: CreationOptional<number | null>;
}
export type StoredReservation = Omit<InferAttributes<ReservationModel>, 'reservedAtMs' | 'releasedAtMs'>;

export const defineInventoryModels = (sequelize: Sequelize) => {
  const zero = { type: BIGINT, defaultValue: 0 };
  return {
    warehouses: defineTable<WarehouseModel>(sequelize, 'warehouses', {
      code: KEY,
      name: STRING,
      country: STRING,
      active: BOOLEAN,
      version: BIGINT,
    }),
    stock: defineTable<StockModel>(sequelize, 'stock', {
      sku: KEY,
      warehouse: KEY,
      onHand: BIGINT,
      reserved: zero,
    }),
    stockItems: defineTable<StockItemModel>(sequelize, 'stock_items', {
      sku: KEY,
      threshold: nullable(BIGINT),
      thresholdVersion: zero,
      lowSinceMs: nullable(BIGINT),
      crossings: zero,
    }),
    stockMovements: defineTable<StockMovementModel>(sequelize, 'stock_movements', {
      position: { type: BIGINT, field: 'id', primaryKey: true, autoIncrement: true },
      id: { type: STRING, field: 'movement_key' },
      sku: STRING,
      warehouse: STRING,
      onHandDelta: BIGINT,
      onHandAfter: BIGINT,
      reason: STRING,
      note: nullable(STRING),
      actor: STRING,
      atMs: BIGINT,
    }),
    reservations: defineTable<ReservationModel>(sequelize, 'reservations', {
      id: KEY,
      orderId: STRING,
      line: BIGINT,
      sku: STRING,
      warehouse: STRING,
      quantity: BIGINT,
      state: STRING,
      reservedAtMs: BIGINT,
      releasedAtMs: nullable(BIGINT),
    }),
  };
};
