export type TaxClass = 'standard' | 'reduced' | 'zero';

export interface Destination {
  /** ISO 3166-1 alpha-2, upper case: the country whose tax applies. */
  country: string;
  /** Required if tax depends on the region: the subdivision part of ISO 3166-2 (`CA` in `US-CA`). */
  region?: string | undefined;
}

/** A shipping method. Fees in minor units. */
export interface ShippingMethod {
  /** Display name. */
  name: string;
  /** Fees by cart weight, lightest first; null: any weight. Heavier carts cannot use the method. */
  fees: readonly { upToGrams: number | null; feeMinor: number }[];
  /** Goods value after discount from which shipping is free; null: never. */
  freeFromMinor: number | null;
}

/** Tax rates in basis points: 1900 is 19 %. */
export type TaxRates = Record<TaxClass, number>;

/** Everything a price depends on besides cart and destination. Amounts in minor units of `currency`. */
export interface PriceRules {
  currency: string;
  /** Minimum order total, at least 1: the least amount that the payment provider charges. */
  minimumTotalMinor: number;
  /** True: prices and shipping fees include tax. False: tax is added. */
  taxIncluded: boolean;
  /** By ISO 3166-1 alpha-2 country or ISO 3166-2 region (`US-CA`); the region takes precedence. */
  taxRatesBasisPoints: Record<string, TaxRates>;
  /** Rates for all other countries. */
  defaultTaxRatesBasisPoints: TaxRates;
  /** By code, which starts with a letter. The first method that can carry the weight is the default. */
  shippingMethods: Record<string, ShippingMethod>;
}

/**
 * Maximum order total: 8 digits of minor units, Stripe's limit for EUR and most other currencies
 * (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). Also keeps all sums within safe integers.
 */
export const MAX_TOTAL_MINOR = 99_999_999;

const createTaxRates = (standard: number, reduced: number): TaxRates => ({ standard, reduced, zero: 0 });

/**
 * An EU shop: EUR prices including VAT, taxed at the destination (Directive 2006/112/EC, art. 33). Rates as of late 2025
 * from the Commission's "Taxes in Europe" database; of several reduced rates the general one. Denmark has none.
 */
export const DEFAULT_PRICE_RULES: PriceRules = {
  currency: 'EUR',
  // Stripe's minimum charge in EUR (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).
  minimumTotalMinor: 50,
  taxIncluded: true,
  taxRatesBasisPoints: {
    AT: createTaxRates(2000, 1000),
    BE: createTaxRates(2100, 600),
    BG: createTaxRates(2000, 900),
    CY: createTaxRates(1900, 900),
    CZ: createTaxRates(2100, 1200),
    DE: createTaxRates(1900, 700),
    DK: createTaxRates(2500, 2500),
    EE: createTaxRates(2400, 900),
    ES: createTaxRates(2100, 1000),
    FI: createTaxRates(2550, 1400),
    FR: createTaxRates(2000, 550),
    GR: createTaxRates(2400, 1300),
    HR: createTaxRates(2500, 1300),
    HU: createTaxRates(2700, 1800),
    IE: createTaxRates(2300, 1350),
    IT: createTaxRates(2200, 1000),
    LT: createTaxRates(2100, 900),
    LU: createTaxRates(1700, 800),
    LV: createTaxRates(2100, 1200),
    MT: createTaxRates(1800, 700),
    NL: createTaxRates(2100, 900),
    PL: createTaxRates(2300, 800),
    PT: createTaxRates(2300, 600),
    RO: createTaxRates(2100, 1100),
    SE: createTaxRates(2500, 1200),
    SI: createTaxRates(2200, 950),
    SK: createTaxRates(2300, 1900),
  },
  defaultTaxRatesBasisPoints: createTaxRates(0, 0),
  shippingMethods: {
    standard: {
      name: 'Standard, 3 to 5 days',
      fees: [{ upToGrams: null, feeMinor: 490 }],
      freeFromMinor: 5_000,
    },
    express: {
      name: 'Express, next working day',
      fees: [
        { upToGrams: 2_000, feeMinor: 990 },
        { upToGrams: 10_000, feeMinor: 1_490 },
        { upToGrams: 31_500, feeMinor: 2_490 },
      ],
      freeFromMinor: null,
    },
  },
};
