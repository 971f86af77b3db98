import express, { type Express } from 'express';
import { ENDPOINTS } from '../endpoints';
import type { ApiContext } from './context';
import { createDocsRouter } from './openapi/docs';
import { createProblemHandler, notFoundHandler } from './problems';
import { createRequestLogger } from './request-log';
import { createRouter } from './router';
import { setSecurityHeaders } from './security-headers';

/** The HTTP API, not yet listening. */
export function createApp(ctx: ApiContext): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('query parser', 'simple');
  // Versioned resources set their own ETag; hashing every other body costs more than it saves.
  app.set('etag', false);
  if (ctx.trustedProxies !== undefined) app.set('trust proxy', ctx.trustedProxies);

  const logRequest = createRequestLogger(ctx.log);
  const route = createRouter(ctx, ENDPOINTS);
  // One middleware: calling it takes Express longer than each of these functions.
  app.use((req, res, next) => {
    logRequest(req, res);
    setSecurityHeaders(res);
    return route(req, res, next);
  });
  app.use(createDocsRouter(ENDPOINTS));
  app.use(notFoundHandler);
  app.use(createProblemHandler(ctx.log));
  return app;
}
