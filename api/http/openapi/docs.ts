import type { Router } from 'express';
import swaggerUi from 'swagger-ui-express';
import { ERRORS } from '../../../domain/shared/errors';
import { createExpressRouter, registerRoutes } from '../router';
import { createOpenApiDocument } from './document';

/** The description of the API for programs (`/openapi.json`) and people (`/docs`), and what each problem means. */
export function docsRoutes(): Router {
  const router = createExpressRouter();
  const document = createOpenApiDocument();
  registerRoutes(router, '/openapi.json', {
    get: (_req, res) => {
      res.json(document);
    },
  });
  registerRoutes(router, '/docs/problems', {
    get: (_req, res) => {
      res.type('html').send(PROBLEMS_PAGE);
    },
  });
  router.use('/docs', swaggerUi.serve, swaggerUi.setup(document, { customSiteTitle: 'Durable Orders API' }));
  router.get('/', (_req, res) => res.redirect('/docs/'));
  return router;
}

/** Where the `type` of a problem leads. The words are ours: nothing here comes from a request. */
const PROBLEMS_PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Problems</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}dt{font-weight:600;margin-top:1rem}</style>
</head><body><h1>Problems</h1>
<p>Errors are <code>application/problem+json</code> (RFC 9457). <code>code</code> is stable; <code>detail</code> is for people.</p>
<dl>${Object.entries(ERRORS)
  .map(
    ([code, { status, title }]) => `<dt id="${code}"><code>${code}</code> · ${status}</dt><dd>${title}</dd>`,
  )
  .join('\n')}</dl></body></html>`;
