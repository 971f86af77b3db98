import type { StockLevel } from './stock-item';

/** Why units on hand change other than by an order. */
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

/** `opening`: what was there when the ledger began. */
export type MovementReason = AdjustmentReason | 'opening';

/** One change of the units on hand of a product in a warehouse. Rows of a ledger: never altered, never deleted. */
export interface StockMovement {
  id: string;
  sku: string;
  warehouse: string;
  /** Units; 0 for a count that found what was expected. */
  onHandDelta: number;
  onHandAfter: number;
  reason: MovementReason;
  note: string | null;
  /** As `describeActor` writes it. */
  actor: string;
  atMs: number;
}

/** More in one place than any shop has; sums of it stay exact. */
export const MAX_ON_HAND_UNITS = 1_000_000_000;

/** What is to happen to the units on hand: so many more or fewer, or as many as were counted. */
export type OnHandChange = { delta: number } | { countedOnHand: number };

export type OnHandChangeResult =
  | { outcome: 'changed'; onHandDelta: number; onHandAfter: number }
  /** Less would be left than is promised to orders. */
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
