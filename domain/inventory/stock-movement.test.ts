import fc from 'fast-check';
import { applyOnHandChange, MAX_ON_HAND_UNITS } from './stock-movement';

const level = (onHand: number, reserved = 0) => ({ onHand, reserved });

test.each([
  ['adds received units', level(5, 2), { delta: 3 }, { onHandDelta: 3, onHandAfter: 8 }],
  ['subtracts removed units', level(5, 2), { delta: -3 }, { onHandDelta: -3, onHandAfter: 2 }],
  ['sets the counted units', level(5, 2), { countedOnHand: 9 }, { onHandDelta: 4, onHandAfter: 9 }],
  ['records a count that matches', level(5), { countedOnHand: 5 }, { onHandDelta: 0, onHandAfter: 5 }],
])('%s', (_, before, change, expected) => {
  expect(applyOnHandChange(before, change)).toEqual({ outcome: 'changed', ...expected });
});

test.each([
  ['rejects a change below the reserved units', level(5, 3), { delta: -3 }, 'reserved'],
  ['rejects a count below the reserved units', level(5, 3), { countedOnHand: 2 }, 'reserved'],
  ['rejects a change below zero', level(0), { delta: -1 }, 'reserved'],
  ['rejects a change above the maximum of a level', level(MAX_ON_HAND_UNITS), { delta: 1 }, 'too_many'],
])('%s', (_, before, change, outcome) => {
  expect(applyOnHandChange(before, change)).toEqual({ outcome });
});

test('never leaves less than is reserved', () => {
  const change = fc.oneof(
    fc.record({ delta: fc.integer({ min: -50, max: 50 }) }),
    fc.record({ countedOnHand: fc.nat(50) }),
  );
  fc.assert(
    fc.property(fc.nat(40), fc.nat(40), change, (onHand, spare, wanted) => {
      const before = level(onHand + spare, spare);
      const changed = applyOnHandChange(before, wanted);
      if (changed.outcome !== 'changed') return;
      expect(changed.onHandAfter).toBe(before.onHand + changed.onHandDelta);
      expect(changed.onHandAfter).toBeGreaterThanOrEqual(before.reserved);
    }),
  );
});
