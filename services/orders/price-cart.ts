import type { ApiContext } from '../../api/http/context';
import type { PricedBasket } from '../../domain/orders/order';
import { type Destination, MAX_TOTAL_MINOR } from '../../domain/pricing/price-rules';
import {
  type BasketItem,
  NotShippable,
  priceBasket,
  type ShippingOption,
  shippingOptions,
  TotalTooSmall,
} from '../../domain/pricing/pricing';
import { RegionNotTaxable } from '../../domain/pricing/tax-region';
import { Failure, type FailureDetail } from '../../domain/shared/failures';
import { formatMoney, money } from '../../domain/shared/money';

export interface PricingRequest {
  items: readonly { sku: string; quantity: number }[];
  shippingAddress: Destination;
  shippingMethod?: string | undefined;
}

export interface Priced {
  basket: PricedBasket;
  shippingOptions: ShippingOption[];
}

/**
 * Prices a basket with the catalogue's prices: quotes and orders alike, so that what is quoted is what is paid.
 * @throws Failure `unknown_sku`, `invalid_request`
 */
export async function price(
  { store, priceRules }: Pick<ApiContext, 'store' | 'priceRules'>,
  { items, shippingAddress: { country, region }, shippingMethod }: PricingRequest,
): Promise<Priced> {
  const basketItems = await inCatalogue({ store, priceRules }, items);
  try {
    const basket = priceBasket(basketItems, { country, region }, priceRules, shippingMethod);
    const goodsMinor = basket.subtotalMinor - basket.discountMinor;
    return { basket, shippingOptions: shippingOptions(basketItems, goodsMinor, priceRules) };
  } catch (error) {
    if (error instanceof NotShippable) {
      throw new Failure('invalid_request', error.message, {
        errors: [{ pointer: '/shippingMethod', detail: error.message }],
      });
    }
    if (error instanceof RegionNotTaxable) {
      throw new Failure('invalid_request', 'Some fields are not valid.', {
        errors: [{ pointer: '/shippingAddress/region', detail: error.message }],
      });
    }
    const { currency, minimumTotalMinor } = priceRules;
    if (error instanceof TotalTooSmall) {
      const least = formatMoney(money(minimumTotalMinor, currency));
      throw new Failure('invalid_request', `The order comes to less than one payment can take (${least}).`, {
        errors: [{ pointer: '/items', detail: 'the total is too small' }],
      });
    }
    if (!(error instanceof RangeError)) throw error;
    const most = formatMoney(money(MAX_TOTAL_MINOR, currency));
    throw new Failure('invalid_request', `The order comes to more than one payment can take (${most}).`, {
      errors: [{ pointer: '/items', detail: 'the total is too large' }],
    });
  }
}

/** A product that is priced in another currency is not sold in this shop. */
async function inCatalogue(
  { store, priceRules: { currency } }: Pick<ApiContext, 'store' | 'priceRules'>,
  items: PricingRequest['items'],
): Promise<BasketItem[]> {
  const found = await store.products.bySkus([...new Set(items.map(({ sku }) => sku))]);
  const products = new Map(found.map((product) => [product.sku, product]));
  const errors: FailureDetail[] = [];
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
  throw new Failure('unknown_sku', 'The order names products that are not sold here.', { errors });
}
