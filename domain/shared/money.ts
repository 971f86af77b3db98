/** An amount of money: `amount` is a whole number of the currency's minor unit (cents for EUR, yen for JPY). */
export interface Money {
  amount: number;
  /** ISO 4217 code, upper case. */
  currency: string;
}

export const money = (amount: number, currency: string): Money => ({ amount, currency });

/** Currencies whose minor unit is not a hundredth (ISO 4217, table A.1). */
const MINOR_UNIT_DIGITS: Record<string, number> = {
  BHD: 3,
  BIF: 0,
  CLP: 0,
  DJF: 0,
  GNF: 0,
  IQD: 3,
  ISK: 0,
  JOD: 3,
  JPY: 0,
  KMF: 0,
  KRW: 0,
  KWD: 3,
  LYD: 3,
  OMR: 3,
  PYG: 0,
  RWF: 0,
  TND: 3,
  UGX: 0,
  VND: 0,
  VUV: 0,
  XAF: 0,
  XOF: 0,
  XPF: 0,
};

/** Number of digits after the decimal point in `currency`. */
export const minorUnitDigits = (currency: string): number => MINOR_UNIT_DIGITS[currency] ?? 2;

/** Formats an amount for display: `€419.00`, `¥500`. Exact: uses no floating point. */
export function formatMoney({ amount, currency }: Money, locale = 'en'): string {
  const digits = minorUnitDigits(currency);
  const sign = amount < 0 ? '-' : '';
  const padded = String(Math.abs(amount)).padStart(digits + 1, '0');
  const decimal = digits === 0 ? padded : `${padded.slice(0, -digits)}.${padded.slice(-digits)}`;
  return getFormatter(locale, currency, digits).format(`${sign}${decimal}` as Intl.StringNumericLiteral);
}

/**
 * Parses a decimal such as `419`, `419.5` or `419.50` to minor units without floating point.
 * @returns null for other text, more decimals than the currency has, or an unsafe integer.
 */
export function parseAmount(decimal: string, currency: string): number | null {
  const digits = minorUnitDigits(currency);
  const [, integer = '', fraction = ''] = /^(\d{1,15})(?:\.(\d{1,3}))?$/.exec(decimal) ?? [];
  if (integer === '' || fraction.length > digits) return null;
  const amountMinor = Number(`${integer}${fraction.padEnd(digits, '0')}`);
  return Number.isSafeInteger(amountMinor) ? amountMinor : null;
}

/** An example for error messages: `419.00`, or `419` if the currency has no decimals. */
export function formatExampleAmount(currency: string): string {
  const digits = minorUnitDigits(currency);
  return digits === 0 ? '419' : `419.${'0'.repeat(digits)}`;
}

/** The smallest amount step that can be charged: Stripe accepts three-decimal currencies in tens only. */
export const chargeableStepMinor = (currency: string): number => (minorUnitDigits(currency) === 3 ? 10 : 1);

/** Creating a formatter costs a hundred times its use. Bounded by currencies times locales. */
const formatters = new Map<string, Intl.NumberFormat>();

function getFormatter(locale: string, currency: string, digits: number): Intl.NumberFormat {
  const cached = formatters.get(`${locale} ${currency}`);
  if (cached !== undefined) return cached;
  const formatter = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  formatters.set(`${locale} ${currency}`, formatter);
  return formatter;
}

/**
 * Splits `totalMinor` over `weights` by largest remainder, so that the parts add up to the total.
 * Ties go to the earlier part. With no positive weight the parts are equal.
 * @throws RangeError when the total or a weight is not a non-negative safe integer, or there are no weights for a total.
 */
export function allocate(totalMinor: number, weights: readonly number[]): number[] {
  for (const n of [totalMinor, ...weights]) {
    if (!Number.isSafeInteger(n) || n < 0) throw new RangeError(`not a non-negative whole number: ${n}`);
  }
  if (weights.length === 0) {
    if (totalMinor > 0) throw new RangeError('no weights for a positive total');
    return [];
  }
  const sum = weights.reduce((a, b) => a + b, 0);
  const shares = sum > 0 ? weights : weights.map(() => 1);
  const divisor = BigInt(sum > 0 ? sum : weights.length);
  const parts = shares.map((weight, index) => {
    const product = BigInt(totalMinor) * BigInt(weight);
    return { index, part: Number(product / divisor), remainder: product % divisor };
  });
  let remaining = totalMinor - parts.reduce((a, p) => a + p.part, 0);
  const byRemainder = [...parts].sort((a, b) =>
    a.remainder === b.remainder ? a.index - b.index : a.remainder > b.remainder ? -1 : 1,
  );
  for (const p of byRemainder) {
    if (remaining === 0) break;
    p.part += 1;
    remaining -= 1;
  }
  return parts.map((p) => p.part);
}
