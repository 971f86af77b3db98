import { countryCode, Money, region } from '../http/field-schemas';
import { z } from '../http/openapi/zod';
import { Items, PricedLine, shippingMethod } from './schemas';

export const QuoteRequest = z
  .strictObject({
    items: Items,
    shippingAddress: z.strictObject({ country: countryCode, region: region.optional() }),
    shippingMethod: shippingMethod.optional(),
  })
  .openapi('RequestQuote', {
    example: {
      items: [{ sku: 'walnut-desk', quantity: 1 }],
      shippingAddress: { country: 'DE' },
      shippingMethod: 'standard',
    },
  });

export const Quote = z
  .object({
    lines: z.array(PricedLine),
    subtotal: Money,
    discount: Money,
    shipping: Money,
    tax: Money,
    total: Money,
    taxIncluded: z.boolean().openapi({ description: 'Whether the prices include the tax' }),
    shippingMethod,
    shippingOptions: z.array(
      z.object({
        code: shippingMethod,
        name: z.string(),
        fee: z
          .union([Money, z.null()])
          .openapi({ description: 'null when the cart is too heavy for this method' }),
      }),
    ),
  })
  .openapi('Quote');
export type Quote = z.infer<typeof Quote>;
