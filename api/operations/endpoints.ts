import type { Router } from 'express';
import type { ApiContext } from '../http/context';
import { createExpressRouter, registerRoutes } from '../http/router';

/** `/healthz`: the process lives. `/readyz`: it can take orders; otherwise what is missing. */
export function opsRoutes(ctx: ApiContext): Router {
  const router = createExpressRouter();
  registerRoutes(router, '/healthz', {
    get: (_req, res) => {
      res.json({ status: 'ok' });
    },
  });
  registerRoutes(router, '/readyz', {
    get: async (_req, res) => {
      const readiness = await ctx.readiness();
      res.status(readiness.status === 'ready' ? 200 : 503).json(readiness);
    },
  });
  return router;
}
