import { allocate } from './money';
import type { OrderLine, PricedBasket } from './order';

export type TaxClass = 'standard' | 'reduced' | 'zero';

/** One position of a basket with the catalogue's price and facts, never the client's. */
export interface BasketItem {
  sku: string;
  name: string;
  quantity: number;
  /** Minor units of `currency`. */
  unitPriceMinor: number;
  /** ISO 4217 code, upper case. */
  currency: string;
  taxClass: TaxClass;
  weightGrams: number;
}

export interface Destination {
  /** ISO 3166-1 alpha-2, upper case: the country whose tax applies. */
  country: string;
}

/** Tax rates in basis points: 1900 is 19 %. */
export type TaxRates = Record<TaxClass, number>;

/** Everything a price depends on besides the basket and where it goes. Amounts in minor units of `currency`. */
export interface PriceRules {
  currency: string;
  /** True: prices (and the shipping fee) contain their tax. False: tax is added to them. */
  taxIncluded: boolean;
  /** By ISO 3166-1 alpha-2 country. */
  taxRatesBasisPoints: Record<string, TaxRates>;
  /** For every other country. */
  defaultTaxRatesBasisPoints: TaxRates;
  /** `flatMinor` per order; nothing once the goods after discount reach `freeFromMinor`. */
  shipping: { flatMinor: number; freeFromMinor: number };
}

/**
 * The largest total an order may have: 8 digits of minor units, because Stripe takes no more for EUR and most
 * other currencies (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). An order that could
 * never be paid must not be placed. It also keeps every sum and product below far inside the safe integers.
 */
export const MAX_TOTAL_MINOR = 99_999_999;

const vat = (standard: number, reduced: number): TaxRates => ({ standard, reduced, zero: 0 });

/**
 * A shop in the EU: prices in EUR with VAT contained, taxed where the goods go (Directive 2006/112/EC, art. 33).
 * Rates as of late 2025, from the Commission's "Taxes in Europe" database. A country with several reduced rates
 * appears with its general one; Denmark has none.
 */
export const DEFAULT_PRICE_RULES: PriceRules = {
  currency: 'EUR',
  taxIncluded: true,
  taxRatesBasisPoints: {
    AT: vat(2000, 1000),
    BE: vat(2100, 600),
    BG: vat(2000, 900),
    CY: vat(1900, 900),
    CZ: vat(2100, 1200),
    DE: vat(1900, 700),
    DK: vat(2500, 2500),
    EE: vat(2400, 900),
    ES: vat(2100, 1000),
    FI: vat(2550, 1400),
    FR: vat(2000, 550),
    GR: vat(2400, 1300),
    HR: vat(2500, 1300),
    HU: vat(2700, 1800),
    IE: vat(2300, 1350),
    IT: vat(2200, 1000),
    LT: vat(2100, 900),
    LU: vat(1700, 800),
    LV: vat(2100, 1200),
    MT: vat(1800, 700),
    NL: vat(2100, 900),
    PL: vat(2300, 800),
    PT: vat(2300, 600),
    RO: vat(2100, 1100),
    SE: vat(2500, 1200),
    SI: vat(2200, 950),
    SK: vat(2300, 1900),
  },
  defaultTaxRatesBasisPoints: vat(0, 0),
  shipping: { flatMinor: 490, freeFromMinor: 5000 },
};

/**
 * Prices a basket: the only place that turns items into lines, discount, shipping, tax and total (see
 * `OrderTotals` for the equation that holds). Pure: the same arguments give the same result.
 * Tax is rounded half up per line and once for the shipping; an empty basket costs nothing.
 * @throws RangeError for a currency other than the rules', a quantity that is not a positive safe integer, a price,
 * fee or rate that is not a non-negative one, and a subtotal or total above `MAX_TOTAL_MINOR`.
 */
export function priceBasket(
  items: readonly BasketItem[],
  destination: Destination,
  rules: PriceRules,
): PricedBasket {
  const { currency, taxIncluded } = rules;
  const rates = taxRatesIn(destination.country, rules);

  const subtotals = items.map((item) => lineSubtotalMinor(item, currency));
  const subtotalMinor = sumWithinLimit(subtotals);
  // Nothing grants a discount yet; one would be spread over the lines by what they cost.
  const discountMinor = 0;
  const lineDiscounts = allocate(discountMinor, subtotals);

  const lines = items.map(({ sku, name, quantity, unitPriceMinor, taxClass }, index): OrderLine => {
    const subtotal = subtotals[index]!;
    const discount = lineDiscounts[index]!;
    const tax = taxMinor(subtotal - discount, rates[taxClass], taxIncluded);
    return {
      line: index + 1,
      sku,
      name,
      quantity,
      unitPriceMinor,
      subtotalMinor: subtotal,
      discountMinor: discount,
      taxMinor: tax,
      totalMinor: subtotal - discount + (taxIncluded ? 0 : tax),
    };
  });

  const shippingMinor = items.length === 0 ? 0 : shippingFeeMinor(subtotalMinor - discountMinor, rules);
  const shippingTaxMinor = taxMinor(shippingMinor, rates.standard, taxIncluded);
  const allTaxMinor = sumWithinLimit([...lines.map((line) => line.taxMinor), shippingTaxMinor]);
  const totalMinor = subtotalMinor - discountMinor + shippingMinor + (taxIncluded ? 0 : allTaxMinor);
  return {
    currency,
    lines,
    subtotalMinor,
    discountMinor,
    shippingMinor,
    taxMinor: allTaxMinor,
    totalMinor: withinLimit(totalMinor),
    taxIncluded,
  };
}

function taxRatesIn(country: string, rules: PriceRules): TaxRates {
  const own = Object.hasOwn(rules.taxRatesBasisPoints, country);
  return own ? rules.taxRatesBasisPoints[country]! : rules.defaultTaxRatesBasisPoints;
}

function lineSubtotalMinor(item: BasketItem, currency: string): number {
  if (item.currency !== currency) {
    throw new RangeError(`${item.sku} is priced in ${item.currency}, the basket in ${currency}`);
  }
  if (!Number.isSafeInteger(item.quantity) || item.quantity < 1) {
    throw new RangeError(`the quantity of ${item.sku} is not a positive whole number: ${item.quantity}`);
  }
  assertAmount(item.unitPriceMinor);
  // A product that is not exact in floating point is far above the limit, so it is refused all the same.
  return withinLimit(item.quantity * item.unitPriceMinor);
}

function shippingFeeMinor(goodsMinor: number, { shipping }: PriceRules): number {
  assertAmount(shipping.flatMinor);
  return goodsMinor >= shipping.freeFromMinor ? 0 : shipping.flatMinor;
}

/** Tax contained in, or to be added to, a non-negative amount; rounded half up. Exact for any rate: BigInt. */
function taxMinor(amountMinor: number, rateBasisPoints: number, taxIncluded: boolean): number {
  assertAmount(rateBasisPoints);
  const product = BigInt(amountMinor) * BigInt(rateBasisPoints);
  const divisor = 10_000n + (taxIncluded ? BigInt(rateBasisPoints) : 0n);
  return Number((2n * product + divisor) / (2n * divisor));
}

function assertAmount(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`not a non-negative whole number: ${value}`);
  }
}

function withinLimit(amountMinor: number): number {
  if (amountMinor > MAX_TOTAL_MINOR)
    throw new RangeError(`an order cannot exceed ${MAX_TOTAL_MINOR} minor units`);
  return amountMinor;
}

/** Checks on the way, so that no partial sum leaves the safe integers however many lines there are. */
const sumWithinLimit = (amountsMinor: readonly number[]): number =>
  amountsMinor.reduce((sum, amount) => withinLimit(sum + amount), 0);
