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

test('counts the unreserved units of active warehouses as available', () => {
  expect(sumAvailableUnits([level(10, 4), level(7, 0, false), level(1, 3)])).toBe(6);
});

test.each([
  ['raises an alert at the threshold', { levels: [level(5)] }, 'low'],
  ['raises an alert below the threshold', { levels: [level(9, 8)] }, 'low'],
  ['raises no alert above the threshold', { levels: [level(6)] }, null],
  ['low stock raises no second alert', { levels: [level(1)], lowSinceMs: 1 }, null],
  ['reports replenished above the threshold', { levels: [level(6)], lowSinceMs: 1 }, 'replenished'],
  ['ignores units in an inactive warehouse', { levels: [level(5), level(99, 0, false)] }, 'low'],
  ['raises no alert without a threshold', { threshold: null, levels: [] }, null],
  [
    'reports replenished when the threshold is removed',
    { threshold: null, lowSinceMs: 1, levels: [] },
    'replenished',
  ],
  ['raises no alert for one unit at a threshold of 0', { threshold: 0, levels: [level(1)] }, null],
  ['raises an alert without any stock', { threshold: 0, levels: [] }, 'low'],
])('%s', (_, changes, expected) => {
  expect(detectStockAlert(item(changes))).toBe(expected);
});

test('alternates low and replenished alerts, and the last one matches the stock', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(12)), (units) => {
      let now = item({});
      const alerts: string[] = [];
      for (const onHand of units) {
        now = { ...now, levels: [level(onHand)] };
        const alert = detectStockAlert(now);
        if (alert !== null) alerts.push(alert);
        now = { ...now, lowSinceMs: alert === null ? now.lowSinceMs : alert === 'low' ? 1 : null };
      }
      expect(alerts.every((alert, i) => alert === (i % 2 === 0 ? 'low' : 'replenished'))).toBe(true);
      expect(alerts.at(-1) === 'low').toBe((units.at(-1) ?? 10) <= 5);
    }),
  );
});
