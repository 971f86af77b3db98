import type { Actor } from '../orders/order';
import type { DomainEvent } from '../shared/events';
import { eventKey, stockStream, warehouseStream } from '../shared/ids';
import { type StockAlert, type StockItem, sumAvailableUnits } from './stock-item';
import type { StockMovement } from './stock-movement';
import type { Warehouse } from './warehouse';

/** Builders of stock and warehouse events. The stock of a product is one stream. */

/** The actor and time of a change. */
export interface AuditContext {
  actor: Actor;
  atMs: number;
}

/** A movement in its event. The note may contain personal data, so the event carries only its hash. */
export interface StockMovementPayload extends Omit<StockMovement, 'id' | 'note' | 'actor' | 'atMs'> {
  movementId: string;
  /** SHA-256 of the note, hexadecimal. */
  noteSha256: string | null;
  /** Units reserved in the warehouse at the time of the movement. */
  reserved: number;
  /** Whether the warehouse was active at the time of the movement. */
  active: boolean;
}

const stockEvent = (sku: string, step: string, { actor, atMs }: AuditContext) => ({
  key: eventKey(stockStream(sku), step),
  stream: stockStream(sku),
  subject: sku,
  actor,
  atMs,
});

export const stockAdjusted = (movement: StockMovementPayload, cause: AuditContext): DomainEvent => ({
  ...stockEvent(movement.sku, movement.movementId, cause),
  type: 'StockAdjusted',
  data: { ...movement },
});

/** @param version number of thresholds set for the product so far. */
export const stockThresholdSet = (
  { sku, threshold }: Pick<StockItem, 'sku' | 'threshold'>,
  version: number,
  cause: AuditContext,
): DomainEvent => ({
  ...stockEvent(sku, `threshold:${version}`, cause),
  type: 'StockThresholdSet',
  data: { sku, threshold },
});

/** @param sequence how often the product has become low. */
export const stockAlertRaised = (
  item: StockItem,
  alert: StockAlert,
  sequence: number,
  cause: AuditContext,
): DomainEvent => ({
  ...stockEvent(item.sku, `${alert}:${sequence}`, cause),
  type: alert === 'low' ? 'InventoryLow' : 'InventoryReplenished',
  data: { sku: item.sku, available: sumAvailableUnits(item.levels), threshold: item.threshold },
});

const warehouseEvent = ({ version, ...warehouse }: Warehouse, { actor, atMs }: AuditContext) => ({
  key: eventKey(warehouseStream(warehouse.code), `v${version}`),
  stream: warehouseStream(warehouse.code),
  subject: warehouse.code,
  actor,
  atMs,
  data: { ...warehouse, version },
});

export const warehouseCreated = (warehouse: Warehouse, cause: AuditContext): DomainEvent => ({
  ...warehouseEvent(warehouse, cause),
  type: 'WarehouseCreated',
});

export const warehouseUpdated = (warehouse: Warehouse, cause: AuditContext): DomainEvent => ({
  ...warehouseEvent(warehouse, cause),
  type: 'WarehouseUpdated',
});
