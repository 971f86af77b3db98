import fc from 'fast-check';
import { DEFAULT_PRICE_RULES, MAX_TOTAL_MINOR, type PriceRules, type TaxClass } from './price-rules';
import {
  type CartItem,
  listShippingOptions,
  NotShippableError,
  priceCart,
  TotalTooSmallError,
} from './pricing';
import { RegionNotTaxableError } from './tax-region';

const TAX_ADDED: PriceRules = { ...DEFAULT_PRICE_RULES, taxIncluded: false };
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

const anyItem: fc.Arbitrary<CartItem> = fc
  .record({
    quantity: fc.integer({ min: 1, max: 99 }),
    unitPriceMinor: fc.integer({ min: 0, max: 30_000 }),
    taxClass: fc.constantFrom<TaxClass>('standard', 'reduced', 'zero'),
  })
  .map(item);
const cart = fc.array(anyItem, { minLength: 1, maxLength: 20 });
const country = fc.constantFrom(...Object.keys(DEFAULT_PRICE_RULES.taxRatesBasisPoints), 'US', 'XX');
const sum = (ns: readonly number[]): number => ns.reduce((a, b) => a + b, 0);

describe.each([
  ['included in prices', DEFAULT_PRICE_RULES],
  ['added to prices', TAX_ADDED],
])('tax %s', (_name, rules) => {
  const added = (tax: number): number => (rules.taxIncluded ? 0 : tax);

  test('totals lines, discount, shipping and tax exactly', () => {
    fc.assert(
      fc.property(cart, country, (items, to) => {
        const b = priceCart(items, { country: to }, rules);
        const shippingTaxMinor = b.taxMinor - sum(b.lines.map((l) => l.taxMinor));
        expect(b.totalMinor).toBe(b.subtotalMinor - b.discountMinor + b.shippingMinor + added(b.taxMinor));
        expect(b.totalMinor).toBe(
          sum(b.lines.map((l) => l.totalMinor)) + b.shippingMinor + added(shippingTaxMinor),
        );
        expect(b.subtotalMinor).toBe(sum(b.lines.map((l) => l.subtotalMinor)));
        expect(b.discountMinor).toBe(sum(b.lines.map((l) => l.discountMinor)));
        expect(shippingTaxMinor).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test('prices a line as quantity × price with tax within half a minor unit', () => {
    fc.assert(
      fc.property(cart, country, (items, to) => {
        const rates = rules.taxRatesBasisPoints[to] ?? rules.defaultTaxRatesBasisPoints;
        priceCart(items, { country: to }, rules).lines.forEach((line, i) => {
          const { quantity, unitPriceMinor, taxClass } = items[i]!;
          const rate = rates[taxClass];
          expect(line.line).toBe(i + 1);
          expect(line.subtotalMinor).toBe(quantity * unitPriceMinor);
          expect(line.totalMinor).toBe(line.subtotalMinor - line.discountMinor + added(line.taxMinor));
          // Twice the rounding error times the divisor: whole numbers, so the comparison is exact.
          const divisor = 10_000 + (rules.taxIncluded ? rate : 0);
          const error = 2 * (line.taxMinor * divisor - (line.subtotalMinor - line.discountMinor) * rate);
          expect(error).toBeLessThanOrEqual(divisor);
          expect(error).toBeGreaterThan(-divisor);
        });
      }),
    );
  });
});

describe('a cart with the default price rules', () => {
  test('ships a walnut desk to Germany free with 19 % VAT included', () => {
    const b = priceCart([item()], GERMANY, DEFAULT_PRICE_RULES);
    expect(b).toMatchObject({ currency: 'EUR', totalMinor: 41900, shippingMinor: 0, taxMinor: 6690 });
  });

  test('charges and taxes shipping below the free shipping threshold', () => {
    const mug = item({ unitPriceMinor: 1000, taxClass: 'zero' });
    // 490 × 1900 / 11900 = 78.2
    expect(priceCart([mug], GERMANY, DEFAULT_PRICE_RULES)).toMatchObject({
      shippingMinor: 490,
      taxMinor: 78,
      totalMinor: 1490,
    });
    // 490 × 0.19 = 93.1
    expect(priceCart([mug], GERMANY, TAX_ADDED)).toMatchObject({ taxMinor: 93, totalMinor: 1583 });
  });

  test.each([
    [4999, 490],
    [5000, 0],
  ])('goods for %d ship for %d', (unitPriceMinor, shippingMinor) => {
    const b = priceCart([item({ unitPriceMinor })], GERMANY, DEFAULT_PRICE_RULES);
    expect(b.shippingMinor).toBe(shippingMinor);
  });

  test('rounds half a minor unit of tax up', () => {
    // 50 × 0.19 = 9.5
    expect(priceCart([item({ unitPriceMinor: 50 })], GERMANY, TAX_ADDED).lines[0]!.taxMinor).toBe(10);
  });

  test('taxes books at the reduced rate of the destination', () => {
    const book = item({ unitPriceMinor: 10550, taxClass: 'reduced' });
    expect(priceCart([book], { country: 'FR' }, DEFAULT_PRICE_RULES).taxMinor).toBe(550);
  });

  test.each(['US', 'constructor', ''])('applies no tax to a country without rates: "%s"', (to) => {
    expect(priceCart([item()], { country: to }, DEFAULT_PRICE_RULES).taxMinor).toBe(0);
  });

  test('prices an empty cart at 0 including shipping', () => {
    expect(priceCart([], GERMANY, DEFAULT_PRICE_RULES)).toMatchObject({ lines: [], totalMinor: 0 });
  });
});

describe('invalid carts', () => {
  test.each([
    ['another currency', [item(), item({ currency: 'USD' })]],
    ['a quantity of 0', [item({ quantity: 0 })]],
    ['a negative quantity', [item({ quantity: -1 })]],
    ['a fraction', [item({ quantity: 1.5 })]],
    ['an unsafe quantity', [item({ quantity: 2 ** 53, unitPriceMinor: 0 })]],
    ['a negative price', [item({ unitPriceMinor: -1 })]],
    ['a price that is not a number', [item({ unitPriceMinor: Number.NaN })]],
    ['one line above the limit', [item({ unitPriceMinor: MAX_TOTAL_MINOR + 1 })]],
    [
      'lines that exceed it together',
      [item({ unitPriceMinor: MAX_TOTAL_MINOR }), item({ unitPriceMinor: 1 })],
    ],
    ['a product beyond the safe integers', [item({ quantity: 2 ** 52, unitPriceMinor: 2 ** 52 })]],
  ])('rejects %s', (_name, items) => {
    expect(() => priceCart(items, GERMANY, DEFAULT_PRICE_RULES)).toThrow(RangeError);
  });

  test('accepts the maximum total unless added tax exceeds it', () => {
    const items = [item({ unitPriceMinor: MAX_TOTAL_MINOR })];
    expect(priceCart(items, GERMANY, DEFAULT_PRICE_RULES).totalMinor).toBe(MAX_TOTAL_MINOR);
    expect(() => priceCart(items, GERMANY, TAX_ADDED)).toThrow(RangeError);
  });
});

describe('shipping', () => {
  const light = item({ unitPriceMinor: 1_000, weightGrams: 500 });
  const options = (quantity: number) =>
    listShippingOptions([{ ...light, quantity }], quantity * 1_000, DEFAULT_PRICE_RULES).map((o) => [
      o.code,
      o.feeMinor,
    ]);

  test('charges the fee for the weight and is free from the threshold of the method', () => {
    expect(options(1)).toEqual([
      ['standard', 490],
      ['express', 990],
    ]);
    expect(options(4)).toEqual([
      ['standard', 490],
      ['express', 990],
    ]);
    expect(options(5)).toEqual([
      ['standard', 0],
      ['express', 1490],
    ]);
    expect(options(63)).toEqual([
      ['standard', 0],
      ['express', 2490],
    ]);
    expect(options(64)).toEqual([
      ['standard', 0],
      ['express', null],
    ]);
  });

  test('charges the fee of the listed option', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), (quantity) => {
        const items = [{ ...light, quantity }];
        for (const { code, feeMinor } of listShippingOptions(items, quantity * 1_000, DEFAULT_PRICE_RULES)) {
          const priced = () => priceCart(items, GERMANY, DEFAULT_PRICE_RULES, code);
          if (feeMinor === null) expect(priced).toThrow(NotShippableError);
          else expect(priced()).toMatchObject({ shippingMethod: code, shippingMinor: feeMinor });
        }
      }),
    );
  });

  test.each(['pigeon', '__proto__', 'toString', ''])('rejects the unknown method %j', (code) => {
    expect(() => priceCart([light], GERMANY, DEFAULT_PRICE_RULES, code)).toThrow(NotShippableError);
  });
});

describe('totals below the minimum charge', () => {
  const free = { name: 'Free', fees: [{ upToGrams: null, feeMinor: 0 }], freeFromMinor: null };
  const totalOf = (unitPriceMinor: number, taxIncluded = true) =>
    priceCart([item({ unitPriceMinor })], GERMANY, {
      ...DEFAULT_PRICE_RULES,
      taxIncluded,
      minimumTotalMinor: 50,
      shippingMethods: { free },
    }).totalMinor;

  test.each([0, 1, 49])('are rejected: %d', (unitPriceMinor) => {
    expect(() => totalOf(unitPriceMinor)).toThrow(TotalTooSmallError);
  });

  test('are accepted from the minimum, tax included', () => {
    expect(totalOf(50)).toBe(50);
    expect(totalOf(42, false)).toBe(50);
    expect(() => totalOf(41, false)).toThrow(TotalTooSmallError);
  });
});

describe('tax by region', () => {
  const rates = (standard: number) => ({ standard, reduced: 0, zero: 0 });
  const rules = { ...TAX_ADDED, taxRatesBasisPoints: { US: rates(400), 'US-CA': rates(725) } };
  const taxIn = (country: string, region?: string) =>
    priceCart([item({ unitPriceMinor: 10_000 })], { country, region }, rules).taxMinor;

  test('prefers the region over its country and both over the default', () => {
    expect(taxIn('US', 'CA')).toBe(725);
    expect(taxIn('US', 'NV')).toBe(400);
    expect(taxIn('CA', 'US')).toBe(0);
  });

  test('accepts region codes in any case', () => {
    expect(taxIn('US', 'ca')).toBe(725);
  });

  test.each([undefined, 'California', '', 'US-CA', 'N V', '__proto__'])(
    'rejects the region %j of a country with regional rates',
    (region) => {
      expect(() => taxIn('US', region)).toThrow(
        'must be the code of a region of US, such as CA (ISO 3166-2 without US-)',
      );
    },
  );

  test('rejects a region without a rate in a country without one', () => {
    const onlyRegions = { ...TAX_ADDED, taxRatesBasisPoints: { 'US-CA': rates(725) } };
    const tax = (region: string) =>
      priceCart([item({ unitPriceMinor: 10_000 })], { country: 'US', region }, onlyRegions).taxMinor;
    expect(tax('CA')).toBe(725);
    expect(() => tax('NV')).toThrow(RegionNotTaxableError);
  });

  test('requires no region for a country without regional rates', () => {
    for (const region of [undefined, 'Bayern']) expect(taxIn('DE', region)).toBe(0);
  });
});

test.each(['KWD', 'BHD'])('rounds tax in %s to multiples of 10 minor units', (currency) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 10_000 }),
      fc.integer({ min: 1, max: 99 }),
      fc.boolean(),
      (tens, quantity, taxIncluded) => {
        const rules = { ...DEFAULT_PRICE_RULES, currency, taxIncluded };
        const one = item({ currency, unitPriceMinor: tens, quantity });
        const b = priceCart([{ ...one, unitPriceMinor: 10 * tens }], GERMANY, rules);
        expect([b.totalMinor % 10, b.taxMinor % 10]).toEqual([0, 0]);
      },
    ),
  );
});

test('selects the first shipping method that can carry the weight by default', () => {
  const { standard, express } = DEFAULT_PRICE_RULES.shippingMethods;
  const rules = { ...DEFAULT_PRICE_RULES, shippingMethods: { express: express!, standard: standard! } };
  const methodFor = (weightGrams: number) =>
    priceCart([item({ weightGrams })], GERMANY, rules).shippingMethod;
  expect([methodFor(31_500), methodFor(31_501)]).toEqual(['express', 'standard']);
  const onlyLight = { ...rules, shippingMethods: { express: express! } };
  expect(() => priceCart([item({ weightGrams: 40_000 })], GERMANY, onlyLight)).toThrow(NotShippableError);
});
