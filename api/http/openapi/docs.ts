import { Router } from 'express';
import swaggerUi from 'swagger-ui-express';
import { ERRORS } from '../../../domain/shared/errors';
import type { Endpoint } from '../endpoint';
import { methodNotAllowed } from '../problems';
import { createOpenApiDocument } from './document';

/** `/openapi.json`, its reference page at `/docs`, and the meaning of each error code at `/docs/problems`. */
export function createDocsRouter(endpoints: readonly Endpoint[]): Router {
  const router = Router({ caseSensitive: true, strict: false });
  const document = createOpenApiDocument(endpoints);
  router
    .route('/openapi.json')
    .get((_req, res) => {
      res.json(document);
    })
    .all(rejectMethod);
  router
    .route('/docs/problems')
    .get((_req, res) => {
      res.type('html').send(PROBLEMS_PAGE);
    })
    .all(rejectMethod);
  router.use('/docs', swaggerUi.serve, swaggerUi.setup(document, { customSiteTitle: 'Durable Orders API' }));
  router.get('/', (_req, res) => res.redirect('/docs/'));
  return router;
}

function rejectMethod(): never {
  throw methodNotAllowed('GET, HEAD');
}

/** Target of the `type` of a problem. Contains nothing from requests. */
const PROBLEMS_PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Error codes</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}dt{font-weight:600;margin-top:1rem}</style>
</head><body><h1>Error codes</h1>
<p>Errors are <code>application/problem+json</code> (RFC 9457). <code>code</code> is stable; <code>detail</code> describes the error of one request.</p>
<dl>${Object.entries(ERRORS)
  .map(
    ([code, { status, title }]) => `<dt id="${code}"><code>${code}</code> · ${status}</dt><dd>${title}</dd>`,
  )
  .join('\n')}</dl></body></html>`;
