import { DEFAULT_PRICE_RULES } from '../../domain/pricing/price-rules';
import { priceCart } from '../../domain/pricing/pricing';
import { PRODUCTS, STOCK, WAREHOUSES } from './catalogue';

const product = (sku: string) => PRODUCTS.find((p) => p.sku === sku);
const unitsOf = (sku: string): Record<string, number> =>
  Object.fromEntries(STOCK.filter((s) => s.sku === sku).map((s) => [s.warehouse, s.onHand]));
const totalOf = (sku: string): number => Object.values(unitsOf(sku)).reduce((a, b) => a + b, 0);

test('there are at least 44 products, each with a sku of its own', () => {
  expect(PRODUCTS.length).toBeGreaterThanOrEqual(44);
  expect(new Set(PRODUCTS.map((p) => p.sku)).size).toBe(PRODUCTS.length);
  expect(new Set(PRODUCTS.map((p) => p.name)).size).toBe(PRODUCTS.length);
});

test.each(PRODUCTS)('$sku is complete and can be priced', (p) => {
  expect(p.sku).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
  expect(p.description.length).toBeGreaterThan(10);
  expect(Number.isSafeInteger(p.weightGrams) && p.weightGrams > 0).toBe(true);
  expect(p.unitPriceMinor).toBeGreaterThan(0);
  const basket = priceCart([{ ...p, quantity: 1 }], { country: 'DE' }, DEFAULT_PRICE_RULES);
  expect(basket.subtotalMinor).toBe(p.unitPriceMinor);
});

test('every product has one row of stock in every warehouse, and nothing else has', () => {
  expect(WAREHOUSES).toEqual([
    { code: 'BER', name: 'Berlin', country: 'DE' },
    { code: 'RTM', name: 'Rotterdam', country: 'NL' },
  ]);
  const rows = STOCK.map((s) => `${s.sku}@${s.warehouse}`).sort();
  expect(rows).toEqual(PRODUCTS.flatMap((p) => WAREHOUSES.map((w) => `${p.sku}@${w.code}`)).sort());
  expect(STOCK.every((s) => Number.isSafeInteger(s.onHand) && s.onHand >= 0)).toBe(true);
});

test('the walnut desk costs €419 and there is plenty of it', () => {
  expect(product('walnut-desk')).toMatchObject({
    unitPriceMinor: 41900,
    currency: 'EUR',
    taxClass: 'standard',
  });
  expect(totalOf('walnut-desk')).toBeGreaterThanOrEqual(5000);
});

test('limited editions have the stock that their name states', () => {
  expect(product('limited-50')).toMatchObject({
    name: 'Limited edition print, run of 50',
    unitPriceMinor: 9500,
  });
  expect(unitsOf('limited-50')).toEqual({ BER: 30, RTM: 20 });
  expect(product('limited-1')).toMatchObject({ unitPriceMinor: 250000 });
  expect(unitsOf('limited-1')).toEqual({ BER: 1, RTM: 0 });
});

test('one or two products are sold out; books and coffee are taxed at the reduced rate', () => {
  const soldOut = PRODUCTS.filter((p) => totalOf(p.sku) === 0).length;
  expect(soldOut === 1 || soldOut === 2).toBe(true);
  const reduced = PRODUCTS.filter((p) => /^(book|coffee)-(?!grinder)/.test(p.sku));
  expect(reduced.every((p) => p.taxClass === 'reduced')).toBe(true);
});
