import type { ApiContext } from '../../api/http/context';
import type { PricedCart } from '../../domain/orders/order';
import { type Destination, MAX_TOTAL_MINOR } from '../../domain/pricing/price-rules';
import {
  type CartItem,
  listShippingOptions,
  NotShippableError,
  priceCart,
  type ShippingOption,
  TotalTooSmallError,
} from '../../domain/pricing/pricing';
import { RegionNotTaxableError } from '../../domain/pricing/tax-region';
import { AppError, type ErrorDetail } from '../../domain/shared/errors';
import { formatMoney, money } from '../../domain/shared/money';

export interface PricingRequest {
  items: readonly { sku: string; quantity: number }[];
  shippingAddress: Destination;
  shippingMethod?: string | undefined;
}

export interface PricingResult {
  cart: PricedCart;
  shippingOptions: ShippingOption[];
}

/**
 * Prices a basket with the catalogue's prices: quotes and orders alike, so that what is quoted is what is paid.
 * @throws Failure `unknown_sku`, `invalid_request`
 */
export async function priceCartFromCatalogue(
  { store, priceRules }: Pick<ApiContext, 'store' | 'priceRules'>,
  { items, shippingAddress: { country, region }, shippingMethod }: PricingRequest,
): Promise<PricingResult> {
  const basketItems = await resolveCartItems({ store, priceRules }, items);
  try {
    const basket = priceCart(basketItems, { country, region }, priceRules, shippingMethod);
    const goodsMinor = basket.subtotalMinor - basket.discountMinor;
    return { cart: basket, shippingOptions: listShippingOptions(basketItems, goodsMinor, priceRules) };
  } catch (error) {
    if (error instanceof NotShippableError) {
      throw new AppError('invalid_request', error.message, {
        errors: [{ pointer: '/shippingMethod', detail: error.message }],
      });
    }
    if (error instanceof RegionNotTaxableError) {
      throw new AppError('invalid_request', 'Some fields are not valid.', {
        errors: [{ pointer: '/shippingAddress/region', detail: error.message }],
      });
    }
    const { currency, minimumTotalMinor } = priceRules;
    if (error instanceof TotalTooSmallError) {
      const least = formatMoney(money(minimumTotalMinor, currency));
      throw new AppError('invalid_request', `The order comes to less than one payment can take (${least}).`, {
        errors: [{ pointer: '/items', detail: 'the total is too small' }],
      });
    }
    if (!(error instanceof RangeError)) throw error;
    const most = formatMoney(money(MAX_TOTAL_MINOR, currency));
    throw new AppError('invalid_request', `The order comes to more than one payment can take (${most}).`, {
      errors: [{ pointer: '/items', detail: 'the total is too large' }],
    });
  }
}

/** A product that is priced in another currency is not sold in this shop. */
async function resolveCartItems(
  { store, priceRules: { currency } }: Pick<ApiContext, 'store' | 'priceRules'>,
  items: PricingRequest['items'],
): Promise<CartItem[]> {
  const found = await store.products.findBySkus([...new Set(items.map(({ sku }) => sku))]);
  const products = new Map(found.map((product) => [product.sku, product]));
  const errors: ErrorDetail[] = [];
  const inBasket = items.flatMap(({ sku, quantity }, i) => {
    const product = products.get(sku);
    if (product?.currency === currency) return [{ ...product, quantity }];
    const detail =
      product === undefined
        ? `there is no product ${sku}`
        : `${sku} is priced in ${product.currency}, this shop sells in ${currency}`;
    errors.push({ pointer: `/items/${i}/sku`, detail });
    return [];
  });
  if (errors.length === 0) return inBasket;
  throw new AppError('unknown_sku', 'The order names products that are not sold here.', { errors });
}
