import type { StockShortage } from '../orders/order';
import { getAvailableUnits, type StockLevel } from './stock-item';

/** What one line of an order asks for. */
export interface StockDemand {
  /** 1-based position in the order. */
  line: number;
  sku: string;
  quantity: number;
}

/** Units of one line that one warehouse sends. */
export interface StockAllocation {
  line: number;
  sku: string;
  warehouse: string;
  quantity: number;
}

export type AllocationResult = { allocations: StockAllocation[] } | { shortages: StockShortage[] };

/** sku → warehouse → units that can still be promised. */
type AvailableStock = Map<string, Map<string, number>>;

/**
 * Decides which warehouse serves which line: all lines or none. Prefers one warehouse for the whole order (fewest
 * parcels; ties by warehouse code), else one warehouse per line, else splits the line. The same sku may stand in
 * several lines. The order of `lines` and `stock` does not matter; the answer is sorted by line, then warehouse.
 *
 * A shortage's `available` is what is left after the earlier lines of that sku took theirs, so an order whose short
 * lines are cut to it can be served.
 * @throws RangeError for a quantity that is not a positive safe integer.
 */
export function allocateStock(lines: readonly StockDemand[], stock: readonly StockLevel[]): AllocationResult {
  for (const { sku, quantity } of lines) {
    if (!Number.isSafeInteger(quantity) || quantity < 1) {
      throw new RangeError(`the quantity of ${sku} is not a positive whole number: ${quantity}`);
    }
  }
  const inOrder = [...lines].sort((a, b) => a.line - b.line);
  const available = groupAvailableBySku(stock);

  const shortages = findShortages(inOrder, available);
  if (shortages.length > 0) return { shortages };

  const whole = findSingleWarehouse(inOrder, available);
  if (whole !== undefined) {
    return {
      allocations: inOrder.map(({ line, sku, quantity }) => ({ line, sku, warehouse: whole, quantity })),
    };
  }
  return { allocations: allocateLineByLine(inOrder, available) };
}

function groupAvailableBySku(stock: readonly StockLevel[]): AvailableStock {
  const available: AvailableStock = new Map();
  for (const level of stock) {
    const { sku, warehouse } = level;
    const byWarehouse = available.get(sku) ?? new Map<string, number>();
    byWarehouse.set(warehouse, (byWarehouse.get(warehouse) ?? 0) + getAvailableUnits(level));
    available.set(sku, byWarehouse);
  }
  return available;
}

const getWarehouseUnits = (available: AvailableStock, sku: string, warehouse: string): number =>
  available.get(sku)?.get(warehouse) ?? 0;

function findShortages(lines: readonly StockDemand[], available: AvailableStock): StockShortage[] {
  const left = new Map<string, number>();
  for (const [sku, byWarehouse] of available) {
    left.set(
      sku,
      [...byWarehouse.values()].reduce((sum, units) => sum + units, 0),
    );
  }
  const shortages: StockShortage[] = [];
  for (const { line, sku, quantity } of lines) {
    const units = left.get(sku) ?? 0;
    if (quantity > units) shortages.push({ line, sku, requested: quantity, available: units });
    left.set(sku, Math.max(0, units - quantity));
  }
  return shortages;
}

/** By code unit, not by locale: the same on every machine, which a workflow's replay needs. */
const compareCodes = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function findSingleWarehouse(lines: readonly StockDemand[], available: AvailableStock): string | undefined {
  const demand = new Map<string, number>();
  for (const { sku, quantity } of lines) demand.set(sku, (demand.get(sku) ?? 0) + quantity);
  const warehouses = new Set([...available.values()].flatMap((byWarehouse) => [...byWarehouse.keys()]));
  return [...warehouses]
    .sort(compareCodes)
    .find((warehouse) =>
      [...demand].every(([sku, quantity]) => getWarehouseUnits(available, sku, warehouse) >= quantity),
    );
}

/** Never runs dry: the caller has checked that every sku's demand is there in total. Uses up `available`. */
function allocateLineByLine(lines: readonly StockDemand[], available: AvailableStock): StockAllocation[] {
  const sending = new Set<string>();
  return lines.flatMap(({ line, sku, quantity }) => {
    const byWarehouse = available.get(sku) ?? new Map<string, number>();
    const mostFirst = [...byWarehouse].sort(([a, x], [b, y]) => y - x || compareCodes(a, b));
    const able = mostFirst.filter(([, units]) => units >= quantity);
    // A warehouse that already sends something of this order saves a parcel.
    const one = able.find(([warehouse]) => sending.has(warehouse)) ?? able[0];

    const parts: StockAllocation[] = [];
    let open = quantity;
    for (const [warehouse, units] of one ? [one] : mostFirst) {
      const taken = Math.min(open, units);
      if (taken === 0) continue;
      parts.push({ line, sku, warehouse, quantity: taken });
      byWarehouse.set(warehouse, units - taken);
      sending.add(warehouse);
      open -= taken;
    }
    return parts.sort((a, b) => compareCodes(a.warehouse, b.warehouse));
  });
}
