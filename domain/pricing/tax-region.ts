import type { Destination, PriceRules, TaxRates } from './price-rules';

/** The subdivision part of an ISO 3166-2 code. */
const REGION_CODE = /^[A-Z0-9]{1,3}$/;

/** The region of a destination is missing or unknown; the message states what is required. */
export class RegionNotTaxableError extends Error {
  override readonly name = 'RegionNotTaxableError';
}

/**
 * The tax rates of a destination. For a country with regional rates the region code is required (`CA`, any case), so that
 * a missing or misspelt region is never taxed wrongly. A region without its own rates has those of its country.
 * @throws RegionNotTaxableError
 */
export function getTaxRates({ country, region }: Destination, rules: PriceRules): TaxRates {
  const { taxRatesBasisPoints: rates, defaultTaxRatesBasisPoints: others } = rules;
  const countryRates = Object.hasOwn(rates, country) ? rates[country] : undefined;
  const regions = Object.keys(rates).filter((place) => place.startsWith(`${country}-`));
  const [example] = regions;
  if (example === undefined) return countryRates ?? others;
  const code = region?.toUpperCase() ?? '';
  const match = regions.find((place) => place === `${country}-${code}`);
  const found = match === undefined ? countryRates : rates[match];
  if (REGION_CODE.test(code) && found !== undefined) return found;
  throw new RegionNotTaxableError(
    `must be the code of a region of ${country}, such as ${example.slice(country.length + 1)} (ISO 3166-2 without ${country}-)`,
  );
}
