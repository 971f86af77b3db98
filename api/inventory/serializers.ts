import type { LowStockItem } from '../../db/inventory/stock-items';
import {
  getAvailableUnits,
  type StockItem,
  type StockLevel,
  sumAvailableUnits,
} from '../../domain/inventory/stock-item';
import type { StockMovement } from '../../domain/inventory/stock-movement';
import type { AdjustmentResult } from '../../services/inventory/adjustments';
import { toIsoTimestamp } from '../orders/serializers';
import type * as schema from './schemas';

const toStockLevelResponse = (level: StockLevel) => ({
  code: level.warehouse,
  active: level.active,
  onHand: level.onHand,
  reserved: level.reserved,
  available: getAvailableUnits(level),
});

export function toInventoryItemResponse({
  sku,
  threshold,
  lowSinceMs,
  levels,
}: StockItem): schema.InventoryItem {
  const sum = (of: (level: StockLevel) => number) => levels.reduce((total, level) => total + of(level), 0);
  return {
    sku,
    onHand: sum(({ onHand }) => onHand),
    reserved: sum(({ reserved }) => reserved),
    available: sumAvailableUnits(levels),
    threshold,
    lowSince: lowSinceMs === null ? null : toIsoTimestamp(lowSinceMs),
    warehouses: levels.map(toStockLevelResponse),
  };
}

export const toLowStockItemResponse = ({
  sku,
  threshold,
  lowSinceMs,
  levels,
}: LowStockItem): schema.LowStockItem => ({
  sku,
  available: sumAvailableUnits(levels),
  threshold,
  since: toIsoTimestamp(lowSinceMs),
});

export const toStockMovementResponse = (movement: StockMovement): schema.StockMovement => ({
  id: movement.id,
  sku: movement.sku,
  warehouse: movement.warehouse,
  delta: movement.onHandDelta,
  onHandAfter: movement.onHandAfter,
  reason: movement.reason,
  note: movement.note,
  actor: movement.actor,
  at: toIsoTimestamp(movement.atMs),
});

export const toStockAdjustmentResponse = ({
  movement,
  level,
}: AdjustmentResult): schema.StockAdjustmentResult => ({
  movement: toStockMovementResponse(movement),
  level: toStockLevelResponse(level),
});
