import { priceCartFromCatalogue } from '../../services/orders/price-cart';
import { defineEndpoint, EVERYONE } from '../http/endpoint';
import { jsonResponse } from '../http/openapi/responses';
import { Quote, QuoteRequest } from './quote-schemas';
import { toQuoteResponse } from './serializers';

export const QUOTE_ENDPOINTS = [
  defineEndpoint({
    method: 'post',
    path: '/api/quotes',
    policy: EVERYONE,
    summary: 'Price a cart',
    description:
      'Calculates what an order of these items would cost now, with the same function that prices orders, and the fee of each shipping method. Nothing is stored or reserved.',
    tags: ['quotes'],
    request: { body: QuoteRequest },
    responses: { 200: jsonResponse(Quote, 'The price of the cart and the shipping options') },
    errors: ['unknown_sku'],
    async handler({ ctx, res, body }) {
      res.json(toQuoteResponse(await priceCartFromCatalogue(ctx, body)));
    },
  }),
];
