/** Units of one sku in one warehouse; `onHand - reserved` of them can be promised while the warehouse is active. */
export interface StockLevel {
  sku: string;
  warehouse: string;
  onHand: number;
  reserved: number;
  active: boolean;
}

/** A product's stock: its levels in all warehouses, and from when on it is low. */
export interface StockItem {
  sku: string;
  /** Low at this many available units or fewer; null: never. */
  threshold: number | null;
  /** Milliseconds since the epoch; null while it is not low. */
  lowSinceMs: number | null;
  /** How often it has become low. */
  crossings: number;
  levels: StockLevel[];
}

export type StockAlert = 'low' | 'replenished';

/** Units of one warehouse that can be promised to the next order. */
export const getAvailableUnits = ({
  onHand,
  reserved,
  active,
}: Omit<StockLevel, 'sku' | 'warehouse'>): number =>
  // A stock count may find less than is reserved: that warehouse then has nothing, not a debt to the others.
  active ? Math.max(0, onHand - reserved) : 0;

/** Units that can be promised to the next order, from all active warehouses. */
export const sumAvailableUnits = (levels: readonly StockLevel[]): number =>
  levels.reduce((sum, level) => sum + getAvailableUnits(level), 0);

/** Whether the product has become low, or is no longer, since that was last written down; null: it is as it was. */
export function detectStockAlert({ threshold, lowSinceMs, levels }: StockItem): StockAlert | null {
  const isLow = threshold !== null && sumAvailableUnits(levels) <= threshold;
  if (isLow === (lowSinceMs !== null)) return null;
  return isLow ? 'low' : 'replenished';
}
