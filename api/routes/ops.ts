import type { Router } from 'express';
import { select } from '../../db/sql';
import { temporalIsReady } from '../../temporal/connect';
import type { ApiContext } from '../context';
import { methods, newRouter } from '../methods';

/** `/healthz`: the process lives. `/readyz`: it can take orders; otherwise which part is missing. */
export function opsRoutes(ctx: ApiContext): Router {
  const router = newRouter();
  methods(router, '/healthz', {
    get: (_req, res) => {
      res.json({ status: 'ok' });
    },
  });
  methods(router, '/readyz', {
    get: async (_req, res) => {
      const [database, temporal] = await Promise.all([
        databaseIsReady(ctx).catch(() => false),
        temporalIsReady(ctx.temporal),
      ]);
      const checks = {
        database,
        temporal,
        ...(ctx.workersRunning === undefined ? {} : { workers: ctx.workersRunning() }),
      };
      const ready = Object.values(checks).every(Boolean);
      res.status(ready ? 200 : 503).json({ status: ready ? 'ready' : 'not_ready', checks });
    },
  });
  return router;
}

async function databaseIsReady({ store }: ApiContext): Promise<boolean> {
  await select(store.db, 'SELECT sku FROM products LIMIT 1');
  return true;
}
