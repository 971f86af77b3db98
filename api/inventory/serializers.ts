import type { LowItem } from '../../db/inventory/stock-items';
import {
  availableAt,
  availableUnits,
  type StockItem,
  type StockLevel,
} from '../../domain/inventory/stock-item';
import type { StockMovement } from '../../domain/inventory/stock-movement';
import type { Adjusted } from '../../services/inventory/adjustments';
import { iso } from '../orders/serializers';
import type * as schema from './schemas';

const presentLevel = (level: StockLevel) => ({
  code: level.warehouse,
  active: level.active,
  onHand: level.onHand,
  reserved: level.reserved,
  available: availableAt(level),
});

export function presentItem({ sku, threshold, lowSinceMs, levels }: StockItem): schema.InventoryItem {
  const sum = (of: (level: StockLevel) => number) => levels.reduce((total, level) => total + of(level), 0);
  return {
    sku,
    onHand: sum(({ onHand }) => onHand),
    reserved: sum(({ reserved }) => reserved),
    available: availableUnits(levels),
    threshold,
    lowSince: lowSinceMs === null ? null : iso(lowSinceMs),
    warehouses: levels.map(presentLevel),
  };
}

export const presentLow = ({ sku, threshold, lowSinceMs, levels }: LowItem): schema.LowItem => ({
  sku,
  available: availableUnits(levels),
  threshold,
  since: iso(lowSinceMs),
});

export const presentMovement = (movement: StockMovement): schema.StockMovement => ({
  id: movement.id,
  sku: movement.sku,
  warehouse: movement.warehouse,
  delta: movement.onHandDelta,
  onHandAfter: movement.onHandAfter,
  reason: movement.reason,
  note: movement.note,
  actor: movement.actor,
  at: iso(movement.atMs),
});

export const presentAdjusted = ({ movement, level }: Adjusted): schema.AdjustedStock => ({
  movement: presentMovement(movement),
  level: presentLevel(level),
});
