import type { StockLevel } from './stock-item';

/** Reasons of stock adjustments. */
export const ADJUSTMENT_REASONS = [
  'received',
  'count',
  'damaged',
  'lost',
  'found',
  'returned_to_supplier',
  'correction',
] as const;
export type AdjustmentReason = (typeof ADJUSTMENT_REASONS)[number];

/** `opening`: the initial stock when the ledger was created. */
export type MovementReason = AdjustmentReason | 'opening';

/** One change of the units on hand of a product in a warehouse: a row of an append-only ledger. */
export interface StockMovement {
  id: string;
  sku: string;
  warehouse: string;
  /** Units; 0 for a count that matched. */
  onHandDelta: number;
  onHandAfter: number;
  reason: MovementReason;
  note: string | null;
  /** Formatted by `describeActor`. */
  actor: string;
  atMs: number;
}

/** Maximum units per level: keeps sums within the safe integers. */
export const MAX_ON_HAND_UNITS = 1_000_000_000;

/** A requested change: relative (`delta`) or the result of a count. */
export type OnHandChange = { delta: number } | { countedOnHand: number };

export type OnHandChangeResult =
  | { outcome: 'changed'; onHandDelta: number; onHandAfter: number }
  /** The change would leave less than is reserved. */
  | { outcome: 'reserved' }
  | { outcome: 'too_many' };

export function applyOnHandChange(
  { onHand, reserved }: Pick<StockLevel, 'onHand' | 'reserved'>,
  change: OnHandChange,
): OnHandChangeResult {
  const onHandDelta = 'delta' in change ? change.delta : change.countedOnHand - onHand;
  const onHandAfter = onHand + onHandDelta;
  if (onHandAfter < reserved) return { outcome: 'reserved' };
  if (onHandAfter > MAX_ON_HAND_UNITS) return { outcome: 'too_many' };
  return { outcome: 'changed', onHandDelta, onHandAfter };
}
