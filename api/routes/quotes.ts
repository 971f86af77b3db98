import type { Router } from 'express';
import type { ApiContext } from '../context';
import { newRoutes } from '../methods';
import { price } from '../pricing';
import { readBody } from '../read';
import { RequestQuote } from '../schemas/quote';
import { presentQuote } from '../views';

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
