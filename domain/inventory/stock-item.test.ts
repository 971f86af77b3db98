import fc from 'fast-check';
import { detectStockAlert, type StockItem, sumAvailableUnits } from './stock-item';

const level = (onHand: number, reserved = 0, active = true) => ({
  sku: 'desk',
  warehouse: 'BER',
  onHand,
  reserved,
  active,
});
const item = (changes: Partial<StockItem>): StockItem => ({
  sku: 'desk',
  threshold: 5,
  lowSinceMs: null,
  crossings: 0,
  levels: [level(10)],
  ...changes,
});

test('available are the units of active warehouses that nobody has a claim to', () => {
  expect(sumAvailableUnits([level(10, 4), level(7, 0, false), level(1, 3)])).toBe(6);
});

test.each([
  ['at the threshold it is low', { levels: [level(5)] }, 'low'],
  ['below the threshold it is low', { levels: [level(9, 8)] }, 'low'],
  ['above the threshold it is not', { levels: [level(6)] }, null],
  ['what is low stays low without being told again', { levels: [level(1)], lowSinceMs: 1 }, null],
  ['above the threshold again it is replenished', { levels: [level(6)], lowSinceMs: 1 }, 'replenished'],
  ['units in a closed warehouse do not count', { levels: [level(5), level(99, 0, false)] }, 'low'],
  ['without a threshold nothing is low', { threshold: null, levels: [] }, null],
  ['a threshold that is gone ends it', { threshold: null, lowSinceMs: 1, levels: [] }, 'replenished'],
  ['at a threshold of 0 only nothing is low', { threshold: 0, levels: [level(1)] }, null],
  ['without any stock it is low', { threshold: 0, levels: [] }, 'low'],
])('%s', (_, changes, expected) => {
  expect(detectStockAlert(item(changes))).toBe(expected);
});

test('whatever happens to the units, low and replenished are told in turns, and the last one is true', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(12)), (units) => {
      let now = item({});
      const told: string[] = [];
      for (const onHand of units) {
        now = { ...now, levels: [level(onHand)] };
        const crossing = detectStockAlert(now);
        if (crossing !== null) told.push(crossing);
        now = { ...now, lowSinceMs: crossing === null ? now.lowSinceMs : crossing === 'low' ? 1 : null };
      }
      expect(told.every((crossing, i) => crossing === (i % 2 === 0 ? 'low' : 'replenished'))).toBe(true);
      expect(told.at(-1) === 'low').toBe((units.at(-1) ?? 10) <= 5);
    }),
  );
});
