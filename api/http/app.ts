import { randomUUID } from 'node:crypto';
import express, { type Express } from 'express';
import helmet from 'helmet';
import { pinoHttp } from 'pino-http';
import { apiKeyRoutes } from '../auth/api-key-endpoints';
import { authRoutes, jwksRoutes } from '../auth/endpoints';
import { productRoutes } from '../catalogue/endpoints';
import { customerRoutes } from '../customers/endpoints';
import { meRoutes } from '../customers/me-endpoints';
import { inventoryRoutes } from '../inventory/endpoints';
import { warehouseRoutes } from '../inventory/warehouse-endpoints';
import { opsRoutes } from '../operations/endpoints';
import { orderRoutes } from '../orders/endpoints';
import { quoteRoutes } from '../orders/quote-endpoints';
import { createAuthMiddleware } from './auth';
import type { ApiContext } from './context';
import { limitConcurrency } from './limits/admission';
import { limitByIp } from './limits/request-limits';
import { docsRoutes } from './openapi/docs';
import { notFoundHandler, problemHandler } from './problems';

const BODY_LIMIT = '64kb';
/** A connection each, and what its answer needs. */
const MAX_REQUESTS = 1_000;
const REQUEST_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** The HTTP API, not yet listening. */
export function createApp(ctx: ApiContext): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  // An order's ETag is its version; for the rest a hash of every body would buy little.
  app.set('etag', false);
  if (ctx.trustedProxies !== undefined) app.set('trust proxy', ctx.trustedProxies);

  app.use(
    pinoHttp({
      logger: ctx.log,
      genReqId: (req, res) => {
        const given = req.headers['x-request-id'];
        const id = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
        res.setHeader('X-Request-Id', id);
        return id;
      },
      // Neither headers nor query: they can carry secrets and personal data.
      serializers: {
        req: ({ id, method, url }: { id: string; method: string; url: string }) => ({
          id,
          method,
          path: url.split('?')[0],
        }),
        res: ({ statusCode }: { statusCode: number }) => ({ status: statusCode }),
      },
      customLogLevel: (_req, res, error) => (error || res.statusCode >= 500 ? 'warn' : 'debug'),
    }),
  );
  app.use(
    helmet({
      // The demo speaks plain HTTP; behind TLS the proxy in front adds these.
      strictTransportSecurity: false,
      contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } },
    }),
  );
  app.use((_req, res, next) => {
    res.set('Cache-Control', 'no-store');
    next();
  });

  app.use(opsRoutes(ctx));
  app.use(limitConcurrency(MAX_REQUESTS));
  app.use(limitByIp(ctx.rateLimiter, ctx.rateLimits));
  app.use(docsRoutes());
  app.use(jwksRoutes(ctx));
  app.use('/api', createAuthMiddleware(ctx.authenticate));
  app.use(express.json({ limit: BODY_LIMIT, type: ['application/json', 'application/*+json'] }));
  app.use('/api/api-keys', apiKeyRoutes(ctx));
  app.use('/api/auth', authRoutes(ctx));
  app.use('/api/me', meRoutes(ctx));
  app.use('/api/customers', customerRoutes(ctx));
  app.use('/api/orders', orderRoutes(ctx));
  app.use('/api/quotes', quoteRoutes(ctx));
  app.use('/api/products', productRoutes(ctx));
  app.use('/api/inventory', inventoryRoutes(ctx));
  app.use('/api/warehouses', warehouseRoutes(ctx));

  app.use(notFoundHandler);
  app.use(problemHandler);
  return app;
}
