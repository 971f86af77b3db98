import { isDuplicate, type Tx } from '../../db/core/connect';
import type { Store } from '../../db/core/store';
import { noteDigest } from '../../db/inventory/stock-movements';
import { type Cause, stockAdjusted, type ToldMovement } from '../../domain/inventory/stock-events';
import type { StockLevel } from '../../domain/inventory/stock-item';
import {
  type AdjustmentReason,
  changeOnHand,
  MAX_ON_HAND_UNITS,
  type OnHandChange,
  type StockMovement,
} from '../../domain/inventory/stock-movement';
import { type CloudEvent, describeActor } from '../../domain/shared/events';
import { Failure } from '../../domain/shared/failures';
import { eventKey, movementId, stockStream } from '../../domain/shared/ids';
import { tellCrossings } from './low-stock';

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

export interface Adjusted {
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
 * @throws Failure `not_found`, `unknown_warehouse`, `stock_reserved`, `invalid_request`, `idempotency_key_reused`
 */
export async function adjustStock(
  store: Store,
  ulid: string,
  adjustment: Adjustment,
  key: AdjustmentKey,
  cause: Cause,
): Promise<Adjusted> {
  try {
    return await store.db.write(
      async (tx) =>
        (await earlier(store, key, tx)) ??
        (await adjust(store, movementId(ulid), adjustment, key, cause, tx)),
    );
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    // The same request was under way at the same time, for another product or in a warehouse that had none of it.
    const first = await earlier(store, key);
    if (first === null) throw error;
    return first;
  }
}

/** The answer to the same request made before. @throws Failure `idempotency_key_reused` */
async function earlier(
  { movements, log }: Store,
  { caller, idempotencyKey, bodyHash }: AdjustmentKey,
  tx?: Tx,
): Promise<Adjusted | null> {
  const known = await movements.byKey(caller, idempotencyKey, tx);
  if (known === null) return null;
  if (known.bodyHash !== bodyHash) {
    throw new Failure(
      'idempotency_key_reused',
      'This Idempotency-Key was used for another adjustment. A new adjustment needs a new key.',
    );
  }
  const movement = await movements.find(known.id, tx);
  const [event] = await log.byKeys([eventKey(stockStream(known.sku), known.id)], tx);
  if (movement === null || event === undefined) throw new Error(`movement ${known.id} is not in the log`);
  const { reserved, active } = (JSON.parse(event.body) as CloudEvent).data as unknown as ToldMovement;
  const { sku, warehouse, onHandAfter } = movement;
  return { movement, level: { sku, warehouse, onHand: onHandAfter, reserved, active }, replayed: true };
}

async function adjust(
  store: Store,
  id: string,
  { sku, warehouse, change, reason, note }: Adjustment,
  key: AdjustmentKey,
  cause: Cause,
  tx: Tx,
): Promise<Adjusted> {
  const { warehouses, stockItems, movements, products, log } = store;
  if (!(await products.exists(sku, tx))) throw new Failure('not_found', 'There is no such product.');
  const item = await stockItems.lockOrAdd(sku, tx);
  // Whoever was faster with the same key held this lock.
  const first = await earlier(store, key, tx);
  if (first !== null) return first;
  // It stays as it is: who closes it then finds the row that may be made here. Locked behind the product, never before it.
  const place = await warehouses.find(warehouse, 'share', tx);
  if (place === null) throw unknownWarehouse(warehouse);

  const known = item.levels.find((level) => level.warehouse === warehouse);
  const before = known ?? { sku, warehouse, onHand: 0, reserved: 0, active: place.active };
  const changed = changeOnHand(before, change);
  if (changed.outcome !== 'changed') throw refusal(changed.outcome, before, change);

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
  await log.append(await log.lock(stockStream(sku), tx), [stockAdjusted(told(movement, level), cause)], tx);
  const others = item.levels.filter((l) => l.warehouse !== warehouse);
  await tellCrossings(store, [{ ...item, levels: [...others, level] }], cause, tx);
  return { movement, level, replayed: false };
}

const told = (
  { id, sku, warehouse, onHandDelta, onHandAfter, reason, note }: StockMovement,
  { reserved, active }: StockLevel,
): ToldMovement => ({
  movementId: id,
  sku,
  warehouse,
  onHandDelta,
  onHandAfter,
  reason,
  noteSha256: noteDigest(note),
  reserved,
  active,
});

const unknownWarehouse = (code: string): Failure =>
  new Failure('unknown_warehouse', 'The adjustment names a warehouse that does not exist.', {
    errors: [{ pointer: '/warehouse', detail: `there is no warehouse ${code}` }],
  });

function refusal(
  outcome: 'reserved' | 'too_many',
  { onHand, reserved }: StockLevel,
  change: OnHandChange,
): Failure {
  const pointer = 'delta' in change ? '/delta' : '/countedOnHand';
  if (outcome === 'too_many') {
    return new Failure('invalid_request', 'Some fields are not valid.', {
      errors: [{ pointer, detail: `more than ${MAX_ON_HAND_UNITS} would be on hand` }],
    });
  }
  const left = 'delta' in change ? onHand + change.delta : change.countedOnHand;
  return new Failure(
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
