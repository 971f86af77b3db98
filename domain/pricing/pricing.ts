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

/** One position of a basket with the catalogue's price and facts, never the client's. */
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

/** The code of a shipping method and what it costs for a basket; null when it cannot be sent this way. */
export interface ShippingOption {
  code: string;
  name: string;
  feeMinor: number | null;
}

/** A basket that cannot be sent as it was asked for. */
export class NotShippableError extends Error {
  override readonly name = 'NotShippableError';
}

/** A basket that costs less than can be charged. */
export class TotalTooSmallError extends Error {
  override readonly name = 'TotalTooSmallError';
}

/**
 * Prices a basket: the only place that turns items into lines, discount, shipping, tax and total (see
 * `OrderTotals` for the equation that holds). Pure: the same arguments give the same result.
 * Tax is rounded half up per line and once for the shipping, to what can be paid (tens of minor units for currencies
 * of three decimals, https://docs.stripe.com/currencies#three-decimal); an empty basket costs nothing.
 * @param shippingMethod code of one of the rules' methods; when left out the first one that can carry the weight.
 * @param discountMinor off the subtotal, spread over the lines by what they cost, in amounts that can be paid.
 * @throws NotShippableError for a method that there is not, or a basket too heavy for it.
 * @throws RegionNotTaxableError where the tax depends on the region and it is not said.
 * @throws TotalTooSmallError for a total below the rules' minimum: it could never be paid.
 * @throws RangeError for a currency other than the rules', a quantity that is not a positive safe integer, a price,
 * fee or rate that is not a non-negative one, a discount that is more than the goods or cannot be paid, and a subtotal
 * or total above `MAX_TOTAL_MINOR`.
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
  const taxOf = (amountMinor: number, rateBasisPoints: number) =>
    calculateTaxMinor(amountMinor, rateBasisPoints, taxIncluded, BigInt(chargeableStepMinor(currency)));

  const subtotals = items.map((item) => calculateLineSubtotalMinor(item, currency));
  const subtotalMinor = sumWithinLimit(subtotals);
  const lineDiscounts = allocateDiscountMinor(discountMinor, subtotals, chargeableStepMinor(currency));

  const lines = items.map(({ sku, name, quantity, unitPriceMinor, taxClass }, index): OrderLine => {
    const subtotal = subtotals[index]!;
    const discount = lineDiscounts[index]!;
    const tax = taxOf(subtotal - discount, rates[taxClass]);
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
  const shippingTaxMinor = taxOf(shippingMinor, rates.standard);
  const allTaxMinor = sumWithinLimit([...lines.map((line) => line.taxMinor), shippingTaxMinor]);
  const totalMinor = subtotalMinor - discountMinor + shippingMinor + (taxIncluded ? 0 : allTaxMinor);
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
    taxMinor: allTaxMinor,
    totalMinor: assertWithinLimit(totalMinor),
    taxIncluded,
  };
}

/** Where none can carry the weight, the first one: it says so. */
function selectDefaultShippingMethod(items: readonly CartItem[], { shippingMethods }: PriceRules): string {
  const grams = sumWeightGrams(items);
  const codes = Object.keys(shippingMethods);
  const carrying = codes.find((code) => findFeeMinor(shippingMethods[code]!, 0, grams) !== null);
  const code = carrying ?? codes[0];
  if (code === undefined) throw new RangeError('there is no shipping method');
  return code;
}

/** Largest remainder, in steps: no line gets more off than it costs, since the discount is no more than they all do. */
function allocateDiscountMinor(discountMinor: number, subtotals: readonly number[], step: number): number[] {
  const weights = subtotals.map((subtotal) => Math.floor(subtotal / step));
  const steps = discountMinor / step;
  if (steps > weights.reduce((sum, weight) => sum + weight, 0)) {
    throw new RangeError(`a discount of ${discountMinor} is more than the goods cost`);
  }
  return allocate(steps, weights).map((part) => part * step);
}

/** What each method costs for these items. @param goodsMinor what they cost after discount. */
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
    throw new RangeError(`${item.sku} is priced in ${item.currency}, the basket in ${currency}`);
  }
  if (!Number.isSafeInteger(item.quantity) || item.quantity < 1) {
    throw new RangeError(`the quantity of ${item.sku} is not a positive whole number: ${item.quantity}`);
  }
  assertNonNegativeInteger(item.unitPriceMinor);
  // A product that is not exact in floating point is far above the limit, so it is refused all the same.
  return assertWithinLimit(item.quantity * item.unitPriceMinor);
}

function getShippingFeeMinor(code: string, goodsMinor: number, grams: number, rules: PriceRules): number {
  const method = Object.hasOwn(rules.shippingMethods, code) ? rules.shippingMethods[code] : undefined;
  if (method === undefined) throw new NotShippableError(`There is no shipping method ${code}.`);
  const feeMinor = findFeeMinor(method, goodsMinor, grams);
  if (feeMinor === null) throw new NotShippableError(`The order is too heavy to be sent by ${code}.`);
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

/** Tax contained in, or to be added to, a non-negative amount; rounded half up to steps. Exact for any rate: BigInt. */
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

/** Checks on the way, so that no partial sum leaves the safe integers however many lines there are. */
const sumWithinLimit = (amountsMinor: readonly number[]): number =>
  amountsMinor.reduce((sum, amount) => assertWithinLimit(sum + amount), 0);
