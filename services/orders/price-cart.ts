import type { Store } from '../../db/core/store';
import type { PricedCart } from '../../domain/orders/order';
import { type Destination, MAX_TOTAL_MINOR, type PriceRules } from '../../domain/pricing/price-rules';
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

export interface PricingDependencies {
  store: Pick<Store, 'products'>;
  priceRules: PriceRules;
}

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
 * Prices a cart with the catalogue's prices, for quotes and for orders: the quoted price is the price paid.
 * @throws AppError `unknown_sku`, `invalid_request`
 */
export async function priceCartFromCatalogue(
  { store, priceRules }: PricingDependencies,
  { items, shippingAddress: { country, region }, shippingMethod }: PricingRequest,
): Promise<PricingResult> {
  const cartItems = await resolveCartItems({ store, priceRules }, items);
  try {
    const cart = priceCart(cartItems, { country, region }, priceRules, shippingMethod);
    const goodsMinor = cart.subtotalMinor - cart.discountMinor;
    return { cart, shippingOptions: listShippingOptions(cartItems, goodsMinor, priceRules) };
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
      const minimum = formatMoney(money(minimumTotalMinor, currency));
      throw new AppError(
        'invalid_request',
        `The order total is below the minimum of one payment (${minimum}).`,
        {
          errors: [{ pointer: '/items', detail: 'the total is too small' }],
        },
      );
    }
    if (!(error instanceof RangeError)) throw error;
    const maximum = formatMoney(money(MAX_TOTAL_MINOR, currency));
    throw new AppError(
      'invalid_request',
      `The order total exceeds the maximum of one payment (${maximum}).`,
      {
        errors: [{ pointer: '/items', detail: 'the total is too large' }],
      },
    );
  }
}

/** @throws AppError `unknown_sku`, also for a product priced in another currency than the shop's. */
async function resolveCartItems(
  { store, priceRules: { currency } }: PricingDependencies,
  items: PricingRequest['items'],
): Promise<CartItem[]> {
  const known = await store.products.findBySkus([...new Set(items.map(({ sku }) => sku))]);
  const products = new Map(known.map((product) => [product.sku, product]));
  const errors: ErrorDetail[] = [];
  const cartItems = items.flatMap(({ sku, quantity }, i) => {
    const product = products.get(sku);
    if (product?.currency === currency) return [{ ...product, quantity }];
    const detail =
      product === undefined
        ? `product ${sku} does not exist`
        : `${sku} is priced in ${product.currency}; this shop sells in ${currency}`;
    errors.push({ pointer: `/items/${i}/sku`, detail });
    return [];
  });
  if (errors.length === 0) return cartItems;
  throw new AppError('unknown_sku', 'Some products are not available in this shop.', { errors });
}
