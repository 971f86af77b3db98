import type { StockShortage } from '../orders/order';
import { getAvailableUnits, type StockLevel } from './stock-item';

/** The quantity that one order line needs. */
export interface StockDemand {
  /** 1-based position in the order. */
  line: number;
  sku: string;
  quantity: number;
}

/** Units of one line allocated to one warehouse. */
export interface StockAllocation {
  line: number;
  sku: string;
  warehouse: string;
  quantity: number;
}

export type AllocationResult = { allocations: StockAllocation[] } | { shortages: StockShortage[] };

/** sku → warehouse → available units. */
type AvailableStock = Map<string, Map<string, number>>;

/**
 * Allocates warehouses to all lines or to none. Prefers one warehouse for the whole order (ties by code), then one
 * warehouse per line, then splits the line. Result sorted by line, then warehouse, independent of the input order.
 * A shortage's `available` is what earlier lines of the sku leave, so an order reduced to it can be allocated.
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

  const single = findSingleWarehouse(inOrder, available);
  if (single !== undefined) {
    return {
      allocations: inOrder.map(({ line, sku, quantity }) => ({ line, sku, warehouse: single, quantity })),
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
  const remaining = new Map<string, number>();
  for (const [sku, byWarehouse] of available) {
    remaining.set(
      sku,
      [...byWarehouse.values()].reduce((sum, units) => sum + units, 0),
    );
  }
  const shortages: StockShortage[] = [];
  for (const { line, sku, quantity } of lines) {
    const units = remaining.get(sku) ?? 0;
    if (quantity > units) shortages.push({ line, sku, requested: quantity, available: units });
    remaining.set(sku, Math.max(0, units - quantity));
  }
  return shortages;
}

/** Compares code units, not by locale: the result must be the same on every machine for replay. */
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

/** Requires that the total demand of every sku is available. Mutates `available`. */
function allocateLineByLine(lines: readonly StockDemand[], available: AvailableStock): StockAllocation[] {
  const usedWarehouses = new Set<string>();
  return lines.flatMap(({ line, sku, quantity }) => {
    const byWarehouse = available.get(sku) ?? new Map<string, number>();
    const byUnits = [...byWarehouse].sort(([a, x], [b, y]) => y - x || compareCodes(a, b));
    const sufficient = byUnits.filter(([, units]) => units >= quantity);
    // Reusing a warehouse of this order saves a shipment.
    const single = sufficient.find(([warehouse]) => usedWarehouses.has(warehouse)) ?? sufficient[0];

    const parts: StockAllocation[] = [];
    let remaining = quantity;
    for (const [warehouse, units] of single ? [single] : byUnits) {
      const allocated = Math.min(remaining, units);
      if (allocated === 0) continue;
      parts.push({ line, sku, warehouse, quantity: allocated });
      byWarehouse.set(warehouse, units - allocated);
      usedWarehouses.add(warehouse);
      remaining -= allocated;
    }
    return parts.sort((a, b) => compareCodes(a.warehouse, b.warehouse));
  });
}
