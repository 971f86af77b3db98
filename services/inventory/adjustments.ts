import type { Tx } from '../../db/core/connect';
import type { Store } from '../../db/core/store';
import { hashNote } from '../../db/inventory/stock-movements';
import {
  type AuditContext,
  type StockMovementPayload,
  stockAdjusted,
} from '../../domain/inventory/stock-events';
import type { StockLevel } from '../../domain/inventory/stock-item';
import {
  type AdjustmentReason,
  applyOnHandChange,
  MAX_ON_HAND_UNITS,
  type OnHandChange,
  type StockMovement,
} from '../../domain/inventory/stock-movement';
import { AppError } from '../../domain/shared/errors';
import { type CloudEvent, describeActor } from '../../domain/shared/events';
import { eventKey, movementId, stockStream } from '../../domain/shared/ids';
import { productNotFound } from '../catalogue/products';
import { type ClaimIdempotencyKey, withIdempotencyKey } from '../shared/idempotency';
import { recordStockAlerts } from './stock-alerts';

export interface Adjustment {
  sku: string;
  warehouse: string;
  change: OnHandChange;
  reason: AdjustmentReason;
  note: string | null;
}

/** Identifies the request: a repeated one changes nothing. */
export interface AdjustmentKey {
  caller: string;
  idempotencyKey: string;
  /** Keyed hash of the request. */
  bodyHash: string;
}

export interface AdjustmentResult {
  movement: StockMovement;
  /** The level after the movement. */
  level: StockLevel;
  /** The key was already used for this request. */
  replayed: boolean;
}

/**
 * Changes the units on hand in one transaction: movement, level, event and stock alert. The level never falls below the
 * reserved units.
 * @param ulid of a new movement.
 * @throws AppError `not_found`, `unknown_warehouse`, `stock_reserved`, `invalid_request`, `idempotency_key_reused`
 */
export const adjustStock = (
  store: Store,
  ulid: string,
  adjustment: Adjustment,
  { bodyHash, ...key }: AdjustmentKey,
  audit: AuditContext,
): Promise<AdjustmentResult> =>
  withIdempotencyKey(
    store,
    { ...key, operation: 'stock_adjustment', requestHash: bodyHash },
    {
      create: (claim) =>
        store.db.write((tx) => applyAdjustment(store, movementId(ulid), adjustment, { audit, claim }, tx)),
      replay: (id) => readAdjustment(store, id),
    },
  );

type AppliedAdjustment = Omit<AdjustmentResult, 'replayed'>;

async function readAdjustment({ movements, log }: Store, id: string): Promise<AppliedAdjustment> {
  const movement = await movements.find(id);
  const [event] = movement === null ? [] : await log.findByKeys([eventKey(stockStream(movement.sku), id)]);
  if (movement === null || event === undefined) throw new Error(`movement ${id} not found`);
  const { reserved, active } = (JSON.parse(event.body) as CloudEvent).data as unknown as StockMovementPayload;
  const { sku, warehouse, onHandAfter } = movement;
  return { movement, level: { sku, warehouse, onHand: onHandAfter, reserved, active } };
}

async function applyAdjustment(
  store: Store,
  id: string,
  { sku, warehouse: code, change, reason, note }: Adjustment,
  { audit, claim }: { audit: AuditContext; claim: ClaimIdempotencyKey },
  tx: Tx,
): Promise<AppliedAdjustment> {
  const { warehouses, stockItems, movements, products, log } = store;
  if (!(await products.exists(sku, tx))) throw productNotFound();
  const item = await stockItems.lockOrCreate(sku, tx);
  // Share lock: a deactivation waits, and then finds a row created here. Lock order: product, then warehouse.
  const warehouse = await warehouses.lock(code, 'share', tx);
  if (warehouse === null) throw unknownWarehouse(code);

  const existing = item.levels.find((level) => level.warehouse === code);
  const before = existing ?? { sku, warehouse: code, onHand: 0, reserved: 0, active: warehouse.active };
  const result = applyOnHandChange(before, change);
  if (result.outcome !== 'changed') throw adjustmentRejected(result.outcome, before, change);

  await claim(id, tx);
  const { onHandDelta, onHandAfter } = result;
  const movement: StockMovement = {
    id,
    sku,
    warehouse: code,
    onHandDelta,
    onHandAfter,
    reason,
    note,
    actor: describeActor(audit.actor),
    atMs: audit.atMs,
  };
  const level = { ...before, onHand: onHandAfter };
  await movements.add(movement, { exists: existing !== undefined }, tx);
  await log.append(
    await log.lockHead(stockStream(sku), tx),
    [stockAdjusted(toMovementPayload(movement, level), audit)],
    tx,
  );
  const otherLevels = item.levels.filter((l) => l.warehouse !== code);
  await recordStockAlerts(store, [{ ...item, levels: [...otherLevels, level] }], audit, tx);
  return { movement, level };
}

const toMovementPayload = (
  { id, sku, warehouse, onHandDelta, onHandAfter, reason, note }: StockMovement,
  { reserved, active }: StockLevel,
): StockMovementPayload => ({
  movementId: id,
  sku,
  warehouse,
  onHandDelta,
  onHandAfter,
  reason,
  noteSha256: hashNote(note),
  reserved,
  active,
});

const unknownWarehouse = (code: string): AppError =>
  new AppError('unknown_warehouse', 'The warehouse of the adjustment does not exist.', {
    errors: [{ pointer: '/warehouse', detail: `warehouse ${code} does not exist` }],
  });

function adjustmentRejected(
  outcome: 'reserved' | 'too_many',
  { onHand, reserved }: StockLevel,
  change: OnHandChange,
): AppError {
  const pointer = 'delta' in change ? '/delta' : '/countedOnHand';
  if (outcome === 'too_many') {
    return new AppError('invalid_request', 'Some fields are not valid.', {
      errors: [{ pointer, detail: `would exceed ${MAX_ON_HAND_UNITS} units on hand` }],
    });
  }
  const remaining = 'delta' in change ? onHand + change.delta : change.countedOnHand;
  return new AppError(
    'stock_reserved',
    `${reserved} of ${onHand} units on hand are reserved; the adjustment would leave ${remaining}.`,
    {
      onHand,
      reserved,
      available: onHand - reserved,
      errors: [{ pointer, detail: `would leave ${remaining} units; ${reserved} are reserved` }],
    },
  );
}
