import type { Destination, PriceRules, TaxRates } from './price-rules';

/** What region codes look like: the part of an ISO 3166-2 code behind the dash. */
const REGION_CODE = /^[A-Z0-9]{1,3}$/;

/** The region of a destination does not tell which tax applies. The message says what is wanted. */
export class RegionNotTaxableError extends Error {
  override readonly name = 'RegionNotTaxableError';
}

/**
 * The rates where goods go. Where a country has rates of regions, its region must be said as a code (`CA`, in any case):
 * a missing or misspelt one would be taxed as somewhere else without anybody noticing. A region without rates of its own
 * has its country's; where neither has any it is not known.
 * @throws RegionNotTaxableError
 */
export function getTaxRates({ country, region }: Destination, rules: PriceRules): TaxRates {
  const { taxRatesBasisPoints: rates, defaultTaxRatesBasisPoints: others } = rules;
  const ofCountry = Object.hasOwn(rates, country) ? rates[country] : undefined;
  const regions = Object.keys(rates).filter((place) => place.startsWith(`${country}-`));
  const [example] = regions;
  if (example === undefined) return ofCountry ?? others;
  const code = region?.toUpperCase() ?? '';
  const known = regions.find((place) => place === `${country}-${code}`);
  const found = known === undefined ? ofCountry : rates[known];
  if (REGION_CODE.test(code) && found !== undefined) return found;
  throw new RegionNotTaxableError(
    `must be the code of a region of ${country}, such as ${example.slice(country.length + 1)} (ISO 3166-2 without ${country}-)`,
  );
}
