/** Units of one sku in one warehouse; `onHand - reserved` are available while the warehouse is active. */
export interface StockLevel {
  sku: string;
  warehouse: string;
  onHand: number;
  reserved: number;
  active: boolean;
}

/** The stock of a product: its levels in all warehouses and its low-stock state. */
export interface StockItem {
  sku: string;
  /** The product is low at this many available units or fewer; null: never. */
  threshold: number | null;
  /** Milliseconds since the epoch; null while the product is not low. */
  lowSinceMs: number | null;
  /** How often the product has become low. */
  crossings: number;
  levels: StockLevel[];
}

export type StockAlert = 'low' | 'replenished';

/** Units of one warehouse available to new orders. */
export const getAvailableUnits = ({
  onHand,
  reserved,
  active,
}: Omit<StockLevel, 'sku' | 'warehouse'>): number =>
  // A stock count may find less than is reserved: the warehouse then has 0 available, not a negative amount.
  active ? Math.max(0, onHand - reserved) : 0;

/** Units available to new orders in all active warehouses. */
export const sumAvailableUnits = (levels: readonly StockLevel[]): number =>
  levels.reduce((sum, level) => sum + getAvailableUnits(level), 0);

/** The alert to record when the stored low-stock state no longer matches the levels; null if it does. */
export function detectStockAlert({ threshold, lowSinceMs, levels }: StockItem): StockAlert | null {
  const isLow = threshold !== null && sumAvailableUnits(levels) <= threshold;
  if (isLow === (lowSinceMs !== null)) return null;
  return isLow ? 'low' : 'replenished';
}
