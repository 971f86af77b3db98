import { type Request, type RequestHandler, Router } from 'express';
import type { z } from 'zod';
import { AppError } from '../../domain/shared/errors';
import { groupBy } from '../../domain/shared/group-by';
import { authorize, getPrincipal, toActor } from './auth';
import type { ApiContext } from './context';
import { type Endpoint, type EndpointCall, endpointName, type Method, type RequestSchemas } from './endpoint';
import { limitEndpoint } from './limits/request-limits';
import { toValidationError } from './problems';

/** A router of these endpoints. Static paths match before those with parameters, whatever the order of declaration. */
export function createRouter(ctx: ApiContext, endpoints: readonly Endpoint[]): Router {
  const router = createExpressRouter();
  const duplicates = [...groupBy(endpoints, endpointName)].filter(([, { length }]) => length > 1);
  if (duplicates.length > 0)
    throw new Error(`declared twice: ${duplicates.map(([name]) => name).join(', ')}`);
  const paths = [...groupBy(endpoints, ({ path }) => path)].toSorted(([a], [b]) =>
    sortKey(a) < sortKey(b) ? -1 : 1,
  );
  for (const [path, group] of paths) {
    const handlers = group.map((endpoint) => [endpoint.method, toRequestHandler(ctx, endpoint)] as const);
    addRoute(router, path, Object.fromEntries(handlers));
  }
  return router;
}

export const createExpressRouter = (): Router => Router({ caseSensitive: true, strict: false });

/** Adds the methods of one path. Other methods return 405 with `Allow`. */
export function addRoute(
  router: Router,
  path: string,
  handlers: Partial<Record<Method, RequestHandler>>,
): void {
  const route = router.route(path);
  const entries = Object.entries(handlers) as [Method, RequestHandler][];
  for (const [method, handler] of entries) route[method](handler);
  const allowed = entries
    .flatMap(([method]) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()]))
    .join(', ');
  route.all(() => {
    throw new AppError('method_not_allowed', `This path supports ${allowed}.`, {
      headers: { Allow: allowed },
    });
  });
}

/** Sorts a parameter after every static segment. */
const sortKey = (path: string): string => path.replaceAll(':', '\uffff');

const toRequestHandler =
  (ctx: ApiContext, endpoint: Endpoint): RequestHandler =>
  async (req, res) => {
    const { policy } = endpoint;
    const principal = getPrincipal(req);
    const access = policy === null ? { principal, scope: 'all' as const } : authorize(principal, policy);
    const actor = toActor(principal);
    await limitEndpoint(ctx, endpoint, req, res, actor);
    await endpoint.handler({ ctx, req, res, access, actor, ...parseRequest(req, endpoint) });
  };

/** @throws AppError `not_found`, `invalid_request`, `unsupported_media_type`, or that of a header. */
const parseRequest = (req: Request, endpoint: Endpoint) =>
  Object.fromEntries(
    Object.keys(endpoint.request ?? {}).map((part) => [
      part,
      parsePart(req, endpoint, part as keyof RequestSchemas),
    ]),
  ) as Pick<EndpointCall<RequestSchemas>, keyof RequestSchemas & keyof EndpointCall<RequestSchemas>>;

function parsePart(req: Request, { request = {}, notFound }: Endpoint, part: keyof RequestSchemas): unknown {
  const { params, query, headers = {}, body } = request;
  switch (part) {
    case 'params': {
      const parsed = params?.safeParse(req.params);
      if (parsed?.success === false)
        throw notFound?.() ?? new AppError('not_found', 'This resource does not exist.');
      return parsed?.data;
    }
    case 'query':
      return validate(query, req.query, 'query');
    case 'headers':
      return Object.fromEntries(
        Object.entries(headers).map(([key, { name, parse }]) => [key, parse(req.get(name))]),
      );
    case 'body':
      assertJsonContentType(req);
      return validate(body, req.body ?? {}, 'body');
    case 'csv':
      return assertCsvContentType(req);
  }
}

function validate(schema: z.ZodType | undefined, value: unknown, part: 'body' | 'query'): unknown {
  const parsed = schema?.safeParse(value);
  if (parsed?.success === false) throw toValidationError(parsed.error, part);
  return parsed?.data;
}

function assertJsonContentType(req: Request): void {
  const hasBody =
    req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
  if (hasBody && req.is(['application/json', '+json']) === false) {
    throw new AppError('unsupported_media_type', 'Send the body as application/json.');
  }
}

function assertCsvContentType(req: Request): void {
  const charset = /charset\s*=\s*"?([\w-]+)/i.exec(req.get('content-type') ?? '')?.[1]?.toLowerCase();
  const isUncompressed = (req.get('content-encoding') ?? 'identity') === 'identity';
  const isUtf8 = charset === undefined || charset === 'utf-8';
  if (req.is('text/csv') === 'text/csv' && isUncompressed && isUtf8) return;
  throw new AppError('unsupported_media_type', 'Send the body as text/csv in UTF-8, uncompressed.');
}
