import { isDuplicate, type Tx } from '../../db/core/connect';
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
import { recordStockAlerts } from './stock-alerts';

export interface Adjustment {
  sku: string;
  warehouse: string;
  change: OnHandChange;
  reason: AdjustmentReason;
  note: string | null;
}

/** Whose request it is, so that sending it again changes nothing. */
export interface AdjustmentKey {
  caller: string;
  idempotencyKey: string;
  /** Keyed hash of what is asked for. */
  bodyHash: string;
}

export interface AdjustmentResult {
  movement: StockMovement;
  /** As the movement left it. */
  level: StockLevel;
  /** The key had been used before, for this. */
  replayed: boolean;
}

/**
 * Changes the units on hand: the movement, the level, the event, and what becomes of the product's threshold, all or
 * nothing. Never below what is reserved.
 * @param ulid of the movement, if it is a new one.
 * @throws AppError `not_found`, `unknown_warehouse`, `stock_reserved`, `invalid_request`, `idempotency_key_reused`
 */
export async function adjustStock(
  store: Store,
  ulid: string,
  adjustment: Adjustment,
  key: AdjustmentKey,
  cause: AuditContext,
): Promise<AdjustmentResult> {
  try {
    return await store.db.write(
      async (tx) =>
        (await findReplayedAdjustment(store, key, tx)) ??
        (await applyAdjustment(store, movementId(ulid), adjustment, key, cause, tx)),
    );
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    // The same request was under way at the same time, for another product or in a warehouse that had none of it.
    const first = await findReplayedAdjustment(store, key);
    if (first === null) throw error;
    return first;
  }
}

/** The answer to the same request made before. @throws AppError `idempotency_key_reused` */
async function findReplayedAdjustment(
  { movements, log }: Store,
  { caller, idempotencyKey, bodyHash }: AdjustmentKey,
  tx?: Tx,
): Promise<AdjustmentResult | null> {
  const known = await movements.findByIdempotencyKey(caller, idempotencyKey, tx);
  if (known === null) return null;
  if (known.bodyHash !== bodyHash) {
    throw new AppError(
      'idempotency_key_reused',
      'This Idempotency-Key was used for another adjustment. A new adjustment needs a new key.',
    );
  }
  const movement = await movements.find(known.id, tx);
  const [event] = await log.findByKeys([eventKey(stockStream(known.sku), known.id)], tx);
  if (movement === null || event === undefined) throw new Error(`movement ${known.id} is not in the log`);
  const { reserved, active } = (JSON.parse(event.body) as CloudEvent).data as unknown as StockMovementPayload;
  const { sku, warehouse, onHandAfter } = movement;
  return { movement, level: { sku, warehouse, onHand: onHandAfter, reserved, active }, replayed: true };
}

async function applyAdjustment(
  store: Store,
  id: string,
  { sku, warehouse, change, reason, note }: Adjustment,
  key: AdjustmentKey,
  cause: AuditContext,
  tx: Tx,
): Promise<AdjustmentResult> {
  const { warehouses, stockItems, movements, products, log } = store;
  if (!(await products.exists(sku, tx))) throw new AppError('not_found', 'There is no such product.');
  const item = await stockItems.lockOrCreate(sku, tx);
  // Whoever was faster with the same key held this lock.
  const first = await findReplayedAdjustment(store, key, tx);
  if (first !== null) return first;
  // It stays as it is: who closes it then finds the row that may be made here. Locked behind the product, never before it.
  const place = await warehouses.lock(warehouse, 'share', tx);
  if (place === null) throw unknownWarehouse(warehouse);

  const known = item.levels.find((level) => level.warehouse === warehouse);
  const before = known ?? { sku, warehouse, onHand: 0, reserved: 0, active: place.active };
  const changed = applyOnHandChange(before, change);
  if (changed.outcome !== 'changed') throw adjustmentRejected(changed.outcome, before, change);

  const { onHandDelta, onHandAfter } = changed;
  const movement: StockMovement = {
    id,
    sku,
    warehouse,
    onHandDelta,
    onHandAfter,
    reason,
    note,
    actor: describeActor(cause.actor),
    atMs: cause.atMs,
  };
  const level = { ...before, onHand: onHandAfter };
  await movements.add({ ...movement, ...key }, { exists: known !== undefined }, tx);
  await log.append(
    await log.lockHead(stockStream(sku), tx),
    [stockAdjusted(toMovementPayload(movement, level), cause)],
    tx,
  );
  const others = item.levels.filter((l) => l.warehouse !== warehouse);
  await recordStockAlerts(store, [{ ...item, levels: [...others, level] }], cause, tx);
  return { movement, level, replayed: false };
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
  new AppError('unknown_warehouse', 'The adjustment names a warehouse that does not exist.', {
    errors: [{ pointer: '/warehouse', detail: `there is no warehouse ${code}` }],
  });

function adjustmentRejected(
  outcome: 'reserved' | 'too_many',
  { onHand, reserved }: StockLevel,
  change: OnHandChange,
): AppError {
  const pointer = 'delta' in change ? '/delta' : '/countedOnHand';
  if (outcome === 'too_many') {
    return new AppError('invalid_request', 'Some fields are not valid.', {
      errors: [{ pointer, detail: `more than ${MAX_ON_HAND_UNITS} would be on hand` }],
    });
  }
  const left = 'delta' in change ? onHand + change.delta : change.countedOnHand;
  return new AppError(
    'stock_reserved',
    `${reserved} of the ${onHand} on hand are reserved: ${left} cannot be what is left.`,
    {
      onHand,
      reserved,
      available: onHand - reserved,
      errors: [{ pointer, detail: `would leave ${left}, ${reserved} are reserved` }],
    },
  );
}
