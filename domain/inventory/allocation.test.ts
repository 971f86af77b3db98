import fc from 'fast-check';
import { allocateStock, type StockDemand } from './allocation';
import type { StockLevel } from './stock-item';

const level = (sku: string, warehouse: string, onHand: number, reserved = 0): StockLevel => ({
  sku,
  warehouse,
  onHand,
  reserved,
  active: true,
});
const demand = (line: number, sku: string, quantity: number): StockDemand => ({ line, sku, quantity });

const SKUS = ['desk', 'lamp', 'mug'];
const anyLines = fc
  .array(fc.record({ sku: fc.constantFrom(...SKUS), quantity: fc.integer({ min: 1, max: 8 }) }), {
    minLength: 1,
    maxLength: 6,
  })
  .map((rows) => rows.map((row, i) => ({ line: i + 1, ...row })));
const anyStock = fc.uniqueArray(
  fc.record({
    sku: fc.constantFrom(...SKUS),
    warehouse: fc.constantFrom('BER', 'MAD', 'RTM'),
    onHand: fc.integer({ min: 0, max: 20 }),
    reserved: fc.integer({ min: 0, max: 6 }),
    active: fc.boolean(),
  }),
  { selector: (row) => `${row.sku}@${row.warehouse}` },
);

const sum = (ns: readonly number[]): number => ns.reduce((a, b) => a + b, 0);
const free = (row: StockLevel): number => (row.active ? Math.max(0, row.onHand - row.reserved) : 0);
const freeOf = (stock: readonly StockLevel[], sku: string): number =>
  sum(stock.filter((row) => row.sku === sku).map(free));
const demandOf = (lines: readonly StockDemand[], sku: string): number =>
  sum(lines.filter((l) => l.sku === sku).map((l) => l.quantity));

describe('for any order and any stock', () => {
  test('allocates if and only if every sku has enough units in total', () => {
    fc.assert(
      fc.property(anyLines, anyStock, (lines, stock) => {
        const enough = SKUS.every((sku) => demandOf(lines, sku) <= freeOf(stock, sku));
        expect('allocations' in allocateStock(lines, stock)).toBe(enough);
      }),
    );
  });

  test('never exceeds a warehouse and allocates every line in full', () => {
    fc.assert(
      fc.property(anyLines, anyStock, (lines, stock) => {
        const result = allocateStock(lines, stock);
        if (!('allocations' in result)) return;
        const { allocations } = result;
        for (const row of stock) {
          const taken = allocations.filter((a) => a.sku === row.sku && a.warehouse === row.warehouse);
          expect(sum(taken.map((a) => a.quantity))).toBeLessThanOrEqual(free(row));
        }
        for (const { line, sku, quantity } of lines) {
          const own = allocations.filter((a) => a.line === line);
          expect(own.every((a) => a.sku === sku && a.quantity > 0)).toBe(true);
          expect(sum(own.map((a) => a.quantity))).toBe(quantity);
          expect(new Set(own.map((a) => a.warehouse)).size).toBe(own.length);
        }
        const known = new Set(stock.map((row) => `${row.sku}@${row.warehouse}`));
        expect(allocations.every((a) => known.has(`${a.sku}@${a.warehouse}`))).toBe(true);
      }),
    );
  });

  test('ignores inactive warehouses', () => {
    fc.assert(
      fc.property(anyLines, anyStock, fc.constantFrom('BER', 'MAD', 'RTM'), (lines, stock, closed) => {
        const others = stock.filter((row) => row.warehouse !== closed);
        const inactive = stock.map((row) => ({ ...row, active: row.active && row.warehouse !== closed }));
        expect(allocateStock(lines, inactive)).toEqual(allocateStock(lines, others));
      }),
    );
  });

  test('does not depend on the order of its input', () => {
    const shuffled = fc.tuple(anyLines, anyStock).chain(([lines, stock]) =>
      fc.record({
        lines: fc.constant(lines),
        stock: fc.constant(stock),
        mixedLines: fc.shuffledSubarray(lines, { minLength: lines.length }),
        mixedStock: fc.shuffledSubarray(stock, { minLength: stock.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ lines, stock, mixedLines, mixedStock }) => {
        expect(allocateStock(mixedLines, mixedStock)).toEqual(allocateStock(lines, stock));
      }),
    );
  });

  test('uses one warehouse if it can serve the whole order', () => {
    fc.assert(
      fc.property(anyLines, anyStock, (lines, stock) => {
        const able = ['BER', 'MAD', 'RTM'].filter((warehouse) => {
          const here = stock.filter((row) => row.warehouse === warehouse);
          return SKUS.every((sku) => demandOf(lines, sku) <= freeOf(here, sku));
        });
        const result = allocateStock(lines, stock);
        if (able.length === 0 || !('allocations' in result)) {
          expect(able).toHaveLength(0);
          return;
        }
        expect(new Set(result.allocations.map((a) => a.warehouse))).toEqual(new Set([able[0]]));
      }),
    );
  });

  test('allocates an order reduced to the reported available units', () => {
    fc.assert(
      fc.property(anyLines, anyStock, (lines, stock) => {
        const result = allocateStock(lines, stock);
        if (!('shortages' in result)) return;
        expect(result.shortages.every((s) => s.available >= 0 && s.available < s.requested)).toBe(true);
        const left = new Map(result.shortages.map((s) => [s.line, s.available]));
        const cut = lines
          .map((l) => ({ ...l, quantity: left.get(l.line) ?? l.quantity }))
          .filter((l) => l.quantity > 0);
        expect(allocateStock(cut, stock)).toHaveProperty('allocations');
      }),
    );
  });
});

describe('the choice of warehouse', () => {
  test('prefers the first code among warehouses that can serve the whole order', () => {
    const stock = [level('desk', 'RTM', 100), level('desk', 'BER', 1)];
    expect(allocateStock([demand(1, 'desk', 1)], stock)).toEqual({
      allocations: [{ line: 1, sku: 'desk', warehouse: 'BER', quantity: 1 }],
    });
  });

  test('keeps a line whole if no warehouse can serve the whole order', () => {
    const stock = [level('desk', 'BER', 5), level('lamp', 'BER', 1), level('lamp', 'RTM', 4)];
    expect(allocateStock([demand(1, 'desk', 5), demand(2, 'lamp', 3)], stock)).toEqual({
      allocations: [
        { line: 1, sku: 'desk', warehouse: 'BER', quantity: 5 },
        { line: 2, sku: 'lamp', warehouse: 'RTM', quantity: 3 },
      ],
    });
  });

  test('prefers a warehouse that already serves another line', () => {
    const stock = [
      level('desk', 'RTM', 1),
      level('lamp', 'BER', 1),
      level('mug', 'BER', 9),
      level('mug', 'RTM', 2),
      level('lamp', 'RTM', 0),
    ];
    const result = allocateStock([demand(1, 'desk', 1), demand(2, 'mug', 2), demand(3, 'lamp', 1)], stock);
    expect(result).toMatchObject({
      allocations: [{ warehouse: 'RTM' }, { warehouse: 'RTM' }, { warehouse: 'BER' }],
    });
  });

  test('splits a line that no warehouse can serve, most available first', () => {
    const stock = [level('desk', 'BER', 2), level('desk', 'MAD', 5), level('desk', 'RTM', 3)];
    expect(allocateStock([demand(1, 'desk', 7)], stock)).toEqual({
      allocations: [
        { line: 1, sku: 'desk', warehouse: 'MAD', quantity: 5 },
        { line: 1, sku: 'desk', warehouse: 'RTM', quantity: 2 },
      ],
    });
  });
});

describe('shortages', () => {
  test('deducts earlier lines of the same sku and reports only short lines', () => {
    const stock = [level('desk', 'BER', 3), level('desk', 'RTM', 2, 1), level('lamp', 'BER', 9)];
    const lines = [demand(1, 'desk', 3), demand(2, 'lamp', 1), demand(3, 'desk', 2)];
    expect(allocateStock(lines, stock)).toEqual({
      shortages: [{ line: 3, sku: 'desk', requested: 2, available: 1 }],
    });
  });

  test('reports a sku without stock as fully short', () => {
    expect(allocateStock([demand(1, 'ghost', 2)], [])).toEqual({
      shortages: [{ line: 1, sku: 'ghost', requested: 2, available: 0 }],
    });
  });

  test('does not deduct an over-reserved warehouse from the others', () => {
    const stock = [level('desk', 'BER', 1, 4), level('desk', 'RTM', 2)];
    expect(allocateStock([demand(1, 'desk', 3)], stock)).toEqual({
      shortages: [{ line: 1, sku: 'desk', requested: 3, available: 2 }],
    });
  });
});

test.each([0, -1, 1.5, Number.NaN, 2 ** 53])('rejects a quantity of %d', (quantity) => {
  expect(() => allocateStock([demand(1, 'desk', quantity)], [level('desk', 'BER', 5)])).toThrow(RangeError);
});
