import fc from 'fast-check';
import { DEFAULT_PRICE_RULES, type TaxClass } from './price-rules';
import { type CartItem, priceCart } from './pricing';

const GERMANY = { country: 'DE' };
const item = (over: Partial<CartItem> = {}): CartItem => ({
  sku: 'walnut-desk',
  name: 'Walnut desk',
  quantity: 1,
  unitPriceMinor: 41900,
  currency: 'EUR',
  taxClass: 'standard',
  weightGrams: 38000,
  ...over,
});
const cart = fc.array(
  fc
    .record({
      quantity: fc.integer({ min: 1, max: 99 }),
      unitPriceMinor: fc.integer({ min: 0, max: 2_000 }),
      taxClass: fc.constantFrom<TaxClass>('standard', 'reduced', 'zero'),
    })
    .map(item),
  { minLength: 1, maxLength: 20 },
);
const sum = (ns: readonly number[]): number => ns.reduce((a, b) => a + b, 0);

describe('a discount', () => {
  const STEPS: [currency: string, step: number][] = [
    ['EUR', 1],
    ['JPY', 1],
    ['KWD', 10],
  ];
  const cases = fc.record({
    items: cart,
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    taxIncluded: fc.boolean(),
  });

  test.each(STEPS)('in %s is allocated to the lines exactly in chargeable amounts', (currency, step) => {
    fc.assert(
      fc.property(cases, ({ items, share, taxIncluded }) => {
        const rules = { ...DEFAULT_PRICE_RULES, currency, taxIncluded };
        const priced = items.map((i) => ({ ...i, currency, unitPriceMinor: step * i.unitPriceMinor }));
        const subtotal = sum(priced.map((i) => i.quantity * i.unitPriceMinor));
        const discount = step * Math.floor((share * subtotal) / step);
        const b = priceCart(priced, GERMANY, rules, undefined, discount);
        expect([b.subtotalMinor, b.discountMinor]).toEqual([subtotal, discount]);
        expect(sum(b.lines.map((l) => l.discountMinor))).toBe(discount);
        for (const line of b.lines) {
          expect(line.discountMinor).toBeGreaterThanOrEqual(0);
          expect(line.discountMinor).toBeLessThanOrEqual(line.subtotalMinor);
          expect([line.discountMinor % step, line.totalMinor % step, line.taxMinor % step]).toEqual([
            0, 0, 0,
          ]);
          // Within a step of its share.
          const exact = subtotal === 0 ? 0 : (discount * line.subtotalMinor) / subtotal;
          expect(Math.abs(line.discountMinor - exact)).toBeLessThanOrEqual(step);
        }
        const added = (tax: number) => (taxIncluded ? 0 : tax);
        expect(b.totalMinor).toBe(subtotal - discount + b.shippingMinor + added(b.taxMinor));
      }),
    );
  });

  test.each([
    ['more than the goods cost', 'EUR', 41_901],
    ['less than nothing', 'EUR', -1],
    ['a fraction', 'EUR', 0.5],
    ['an amount that cannot be charged', 'KWD', 15],
  ])('of %s is rejected', (_what, currency, discount) => {
    const rules = { ...DEFAULT_PRICE_RULES, currency };
    const price = () => priceCart([item({ currency })], GERMANY, rules, undefined, discount);
    expect(price).toThrow(RangeError);
  });
});
