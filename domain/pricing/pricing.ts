import type { OrderLine, PricedCart } from '../orders/order';
import { allocate, chargeableStepMinor } from '../shared/money';
import {
  type Destination,
  MAX_TOTAL_MINOR,
  type PriceRules,
  type ShippingMethod,
  type TaxClass,
} from './price-rules';
import { getTaxRates } from './tax-region';

/** One item of a cart with price and data from the catalogue, never from the client. */
export interface CartItem {
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

/** A shipping method with its fee for a cart; null if the cart cannot use the method. */
export interface ShippingOption {
  code: string;
  name: string;
  feeMinor: number | null;
}

/** The cart cannot be shipped with the requested method. */
export class NotShippableError extends Error {
  override readonly name = 'NotShippableError';
}

/** The cart total is below the minimum charge. */
export class TotalTooSmallError extends Error {
  override readonly name = 'TotalTooSmallError';
}

/**
 * Prices a cart: the only function that computes lines, discount, shipping, tax and total (equation: `OrderTotals`).
 * Pure. Tax is rounded half up per line and once for shipping, to chargeable amounts
 * (https://docs.stripe.com/currencies#three-decimal). An empty cart costs 0.
 * @param shippingMethod code of a method of the rules; default: the first that can carry the weight.
 * @param discountMinor subtracted from the subtotal, allocated to the lines by their value in chargeable amounts.
 * @throws NotShippableError for an unknown method or a cart too heavy for it.
 * @throws RegionNotTaxableError if tax depends on the region and it is missing or unknown.
 * @throws TotalTooSmallError for a total below the rules' minimum.
 * @throws RangeError for a currency other than the rules', an invalid quantity, price, fee, rate or discount, and a
 * subtotal or total above `MAX_TOTAL_MINOR`.
 */
export function priceCart(
  items: readonly CartItem[],
  destination: Destination,
  rules: PriceRules,
  shippingMethod: string = selectDefaultShippingMethod(items, rules),
  discountMinor = 0,
): PricedCart {
  const { currency, taxIncluded } = rules;
  const rates = getTaxRates(destination, rules);
  const calculateTax = (amountMinor: number, rateBasisPoints: number) =>
    calculateTaxMinor(amountMinor, rateBasisPoints, taxIncluded, BigInt(chargeableStepMinor(currency)));

  const subtotals = items.map((item) => calculateLineSubtotalMinor(item, currency));
  const subtotalMinor = sumWithinLimit(subtotals);
  const lineDiscounts = allocateDiscountMinor(discountMinor, subtotals, chargeableStepMinor(currency));

  const lines = items.map(({ sku, name, quantity, unitPriceMinor, taxClass }, index): OrderLine => {
    const subtotal = subtotals[index]!;
    const discount = lineDiscounts[index]!;
    const tax = calculateTax(subtotal - discount, rates[taxClass]);
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

  const shippingMinor =
    items.length === 0
      ? 0
      : getShippingFeeMinor(shippingMethod, subtotalMinor - discountMinor, sumWeightGrams(items), rules);
  const shippingTaxMinor = calculateTax(shippingMinor, rates.standard);
  const taxMinor = sumWithinLimit([...lines.map((line) => line.taxMinor), shippingTaxMinor]);
  const totalMinor = subtotalMinor - discountMinor + shippingMinor + (taxIncluded ? 0 : taxMinor);
  if (items.length > 0 && totalMinor < rules.minimumTotalMinor) {
    throw new TotalTooSmallError(`the total of ${totalMinor} is below ${rules.minimumTotalMinor}`);
  }
  return {
    currency,
    lines,
    subtotalMinor,
    discountMinor,
    shippingMethod,
    shippingMinor,
    taxMinor,
    totalMinor: assertWithinLimit(totalMinor),
    taxIncluded,
  };
}

/** Falls back to the first method, whose fee lookup then reports that the cart is too heavy. */
function selectDefaultShippingMethod(items: readonly CartItem[], { shippingMethods }: PriceRules): string {
  const grams = sumWeightGrams(items);
  const codes = Object.keys(shippingMethods);
  const suitable = codes.find((code) => findFeeMinor(shippingMethods[code]!, 0, grams) !== null);
  const code = suitable ?? codes[0];
  if (code === undefined) throw new RangeError('there is no shipping method');
  return code;
}

/**
 * Splits the discount by line value in steps the provider can charge (largest-remainder method). The discount never
 * exceeds the subtotal, so no line's share exceeds its price.
 */
function allocateDiscountMinor(discountMinor: number, subtotals: readonly number[], step: number): number[] {
  const weights = subtotals.map((subtotal) => Math.floor(subtotal / step));
  const steps = discountMinor / step;
  if (steps > weights.reduce((sum, weight) => sum + weight, 0)) {
    throw new RangeError(`a discount of ${discountMinor} exceeds the subtotal`);
  }
  return allocate(steps, weights).map((part) => part * step);
}

/** The fee of each shipping method for these items. @param goodsMinor their value after discount. */
export function listShippingOptions(
  items: readonly CartItem[],
  goodsMinor: number,
  rules: PriceRules,
): ShippingOption[] {
  const grams = sumWeightGrams(items);
  return Object.entries(rules.shippingMethods).map(([code, method]) => ({
    code,
    name: method.name,
    feeMinor: findFeeMinor(method, goodsMinor, grams),
  }));
}

const sumWeightGrams = (items: readonly CartItem[]): number =>
  items.reduce((grams, item) => grams + item.quantity * item.weightGrams, 0);

function calculateLineSubtotalMinor(item: CartItem, currency: string): number {
  if (item.currency !== currency) {
    throw new RangeError(`${item.sku} is priced in ${item.currency}, the cart in ${currency}`);
  }
  if (!Number.isSafeInteger(item.quantity) || item.quantity < 1) {
    throw new RangeError(`the quantity of ${item.sku} is not a positive whole number: ${item.quantity}`);
  }
  assertNonNegativeInteger(item.unitPriceMinor);
  // A product beyond the safe integers is far above the limit and therefore rejected too.
  return assertWithinLimit(item.quantity * item.unitPriceMinor);
}

function getShippingFeeMinor(code: string, goodsMinor: number, grams: number, rules: PriceRules): number {
  const method = Object.hasOwn(rules.shippingMethods, code) ? rules.shippingMethods[code] : undefined;
  if (method === undefined) throw new NotShippableError(`Unknown shipping method ${code}.`);
  const feeMinor = findFeeMinor(method, goodsMinor, grams);
  if (feeMinor === null)
    throw new NotShippableError(`The order is too heavy for the shipping method ${code}.`);
  return feeMinor;
}

function findFeeMinor(
  { fees, freeFromMinor }: ShippingMethod,
  goodsMinor: number,
  grams: number,
): number | null {
  const fee = fees.find(({ upToGrams }) => upToGrams === null || grams <= upToGrams);
  if (fee === undefined) return null;
  assertNonNegativeInteger(fee.feeMinor);
  return freeFromMinor !== null && goodsMinor >= freeFromMinor ? 0 : fee.feeMinor;
}

/** Tax included in or added to a non-negative amount, rounded half up to steps. Uses BigInt to be exact for any rate. */
function calculateTaxMinor(
  amountMinor: number,
  rateBasisPoints: number,
  taxIncluded: boolean,
  step: bigint,
): number {
  assertNonNegativeInteger(rateBasisPoints);
  const product = BigInt(amountMinor) * BigInt(rateBasisPoints);
  const divisor = step * (10_000n + (taxIncluded ? BigInt(rateBasisPoints) : 0n));
  return Number(step * ((2n * product + divisor) / (2n * divisor)));
}

function assertNonNegativeInteger(value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`not a non-negative whole number: ${value}`);
  }
}

function assertWithinLimit(amountMinor: number): number {
  if (amountMinor > MAX_TOTAL_MINOR)
    throw new RangeError(`an order cannot exceed ${MAX_TOTAL_MINOR} minor units`);
  return amountMinor;
}

/** Checks every partial sum, so that none leaves the safe integers. */
const sumWithinLimit = (amountsMinor: readonly number[]): number =>
  amountsMinor.reduce((sum, amount) => assertWithinLimit(sum + amount), 0);
