import { randomUUID } from 'node:crypto';
import express, { type Express } from 'express';
import helmet from 'helmet';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import { ENDPOINTS } from '../endpoints';
import { createAuthMiddleware } from './auth';
import type { ApiContext } from './context';
import { limitConcurrency } from './limits/admission';
import { limitByAddress } from './limits/request-limits';
import { createDocsRouter } from './openapi/docs';
import { notFoundHandler, problemHandler } from './problems';
import { createRouter } from './router';

const BODY_LIMIT = '64kb';
/** Each holds a connection and the memory of its response. */
const MAX_CONCURRENT_REQUESTS = 1_000;
const REQUEST_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** The HTTP API, not yet listening. */
export function createApp(ctx: ApiContext): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  // Versioned resources set their own ETag; hashing every other body costs more than it saves.
  app.set('etag', false);
  if (ctx.trustedProxies !== undefined) app.set('trust proxy', ctx.trustedProxies);

  app.use(logRequests(ctx.log));
  app.use(
    helmet({
      // The development environment uses plain HTTP; in production the TLS proxy sets these headers.
      strictTransportSecurity: false,
      contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': null } },
    }),
  );
  app.use((_req, res, next) => {
    res.set('Cache-Control', 'no-store');
    next();
  });

  app.use(createRouter(ctx, ENDPOINTS.filter(isUnlimited)));
  app.use(limitConcurrency(MAX_CONCURRENT_REQUESTS));
  app.use(limitByAddress(ctx.rateLimiter, ctx.rateLimits));
  app.use(createDocsRouter(ENDPOINTS));
  app.use(
    createRouter(
      ctx,
      ENDPOINTS.filter((e) => e.policy === null && !isUnlimited(e)),
    ),
  );
  app.use('/api', createAuthMiddleware(ctx.authenticate));
  app.use(express.json({ limit: BODY_LIMIT, type: ['application/json', 'application/*+json'] }));
  app.use(
    createRouter(
      ctx,
      ENDPOINTS.filter(({ policy }) => policy !== null),
    ),
  );

  app.use(notFoundHandler);
  app.use(problemHandler);
  return app;
}

const isUnlimited = ({ limit }: (typeof ENDPOINTS)[number]): boolean => limit === 'none';

const logRequests = (logger: Logger) =>
  pinoHttp({
    logger,
    genReqId: (req, res) => {
      const header = req.headers['x-request-id'];
      const id = typeof header === 'string' && REQUEST_ID.test(header) ? header : randomUUID();
      res.setHeader('X-Request-Id', id);
      return id;
    },
    // Neither headers nor query: they may contain secrets and personal data.
    serializers: {
      req: ({ id, method, url }: { id: string; method: string; url: string }) => ({
        id,
        method,
        path: url.split('?')[0],
      }),
      res: ({ statusCode }: { statusCode: number }) => ({ status: statusCode }),
    },
    customLogLevel: (_req, res, error) => (error || res.statusCode >= 500 ? 'warn' : 'debug'),
  });
