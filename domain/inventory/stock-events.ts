import type { Actor } from '../orders/order';
import type { DomainEvent } from '../shared/events';
import { eventKey, stockStream, warehouseStream } from '../shared/ids';
import { type StockAlert, type StockItem, sumAvailableUnits } from './stock-item';
import type { StockMovement } from './stock-movement';
import type { Warehouse } from './warehouse';

/** The events of stock and of warehouses: those of a product's stock are one stream. */

/** Who did it, and when. */
export interface AuditContext {
  actor: Actor;
  atMs: number;
}

/** A movement as its event tells it. A note may name people: the event has what proves it. */
export interface StockMovementPayload extends Omit<StockMovement, 'id' | 'note' | 'actor' | 'atMs'> {
  movementId: string;
  /** SHA-256 of the note, hexadecimal. */
  noteSha256: string | null;
  /** Units reserved there at that moment. */
  reserved: number;
  /** Whether orders could take stock from there at that moment. */
  active: boolean;
}

const stockEvent = (sku: string, step: string, { actor, atMs }: AuditContext) => ({
  key: eventKey(stockStream(sku), step),
  stream: stockStream(sku),
  subject: sku,
  actor,
  atMs,
});

export const stockAdjusted = (told: StockMovementPayload, cause: AuditContext): DomainEvent => ({
  ...stockEvent(told.sku, told.movementId, cause),
  type: 'StockAdjusted',
  data: { ...told },
});

/** @param version counts the thresholds that the product has had. */
export const stockThresholdSet = (
  { sku, threshold }: Pick<StockItem, 'sku' | 'threshold'>,
  version: number,
  cause: AuditContext,
): DomainEvent => ({
  ...stockEvent(sku, `threshold:${version}`, cause),
  type: 'StockThresholdSet',
  data: { sku, threshold },
});

/** @param n counts how often the product has become low. */
export const stockAlertRaised = (
  item: StockItem,
  crossing: StockAlert,
  n: number,
  cause: AuditContext,
): DomainEvent => ({
  ...stockEvent(item.sku, `${crossing}:${n}`, cause),
  type: crossing === 'low' ? 'InventoryLow' : 'InventoryReplenished',
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
