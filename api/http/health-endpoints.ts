import type { Router } from 'express';
import type { ApiContext } from './context';
import { methods, newRouter } from './methods';

/** `/healthz`: the process lives. `/readyz`: it can take orders; otherwise what is missing. */
export function opsRoutes(ctx: ApiContext): Router {
  const router = newRouter();
  methods(router, '/healthz', {
    get: (_req, res) => {
      res.json({ status: 'ok' });
    },
  });
  methods(router, '/readyz', {
    get: async (_req, res) => {
      const readiness = await ctx.readiness();
      res.status(readiness.status === 'ready' ? 200 : 503).json(readiness);
    },
  });
  return router;
}
