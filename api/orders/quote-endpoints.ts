import type { Router } from 'express';
import { priceCartFromCatalogue } from '../../services/orders/price-cart';
import type { ApiContext } from '../http/context';
import { parseBody } from '../http/parse-request';
import { createRouter } from '../http/router';
import { QuoteRequest } from './quote-schemas';
import { toQuoteResponse } from './serializers';

/** What a basket would cost if it were ordered now. Nothing is kept. */
export function quoteRoutes(ctx: ApiContext): Router {
  const { router, registerRoutes } = createRouter('/api/quotes');
  registerRoutes('/', {
    post: async (req, res) => {
      res.json(toQuoteResponse(await priceCartFromCatalogue(ctx, parseBody(req, QuoteRequest))));
    },
  });
  return router;
}
