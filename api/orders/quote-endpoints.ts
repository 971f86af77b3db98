import type { Router } from 'express';
import { price } from '../../services/orders/price-cart';
import type { ApiContext } from '../http/context';
import { newRoutes } from '../http/methods';
import { readBody } from '../http/read';
import { RequestQuote } from './quote-schemas';
import { presentQuote } from './serializers';

/** What a basket would cost if it were ordered now. Nothing is kept. */
export function quoteRoutes(ctx: ApiContext): Router {
  const { router, methods } = newRoutes('/api/quotes');
  methods('/', {
    post: async (req, res) => {
      res.json(presentQuote(await price(ctx, readBody(req, RequestQuote))));
    },
  });
  return router;
}
