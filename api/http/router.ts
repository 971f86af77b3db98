import express, { type Request, type RequestHandler, type Response } from 'express';
import type { z } from 'zod';
import type { Principal } from '../../domain/shared/access';
import { AppError } from '../../domain/shared/errors';
import { authorize, resolvePrincipal, toActor } from './auth';
import type { ApiContext } from './context';
import type { Endpoint, EndpointCall, RequestSchemas } from './endpoint';
import { limitConcurrency } from './limits/admission';
import { limitByAddress, limitEndpoint } from './limits/request-limits';
import { methodNotAllowed, toValidationError } from './problems';
import { type Route, type RouteMatch, RouteTable } from './route-table';

const BODY_LIMIT = '64kb';
/** Each holds a connection and the memory of its response. */
const MAX_CONCURRENT_REQUESTS = 1_000;

/**
 * Serves these endpoints: limits, authentication and body of a request in the order that rejects it earliest. Requests of
 * other paths pass through the same checks to the next handler.
 */
export function createRouter(ctx: ApiContext, endpoints: readonly Endpoint[]): RequestHandler {
  const routes = new RouteTable(endpoints);
  const acquireSlot = limitConcurrency(MAX_CONCURRENT_REQUESTS);
  const limitAddress = limitByAddress(ctx.rateLimiter, ctx.rateLimits);
  const parseJson = express.json({ limit: BODY_LIMIT, type: ['application/json', 'application/*+json'] });

  return async (req, res, next) => {
    const match = routes.find(req.path);
    const endpoint = match?.route.endpoints[0];
    if (match !== null && endpoint?.limit === 'none') return respond(match, GUEST);
    acquireSlot(res);
    await limitAddress(req, res);
    // Of the endpoint: the path of the request may be percent-encoded.
    if (!isApiPath(endpoint?.path ?? req.path)) return match === null ? next() : respond(match, GUEST);
    const principal = await resolvePrincipal(req.headers.authorization, ctx.authenticate);
    if (hasBody(req)) await runMiddleware(parseJson, req, res);
    return match === null ? next() : respond(match, principal);

    async function respond(found: RouteMatch, principal: Principal): Promise<void> {
      req.params = found.params();
      const endpoint = findEndpoint(found.route, req.method);
      await callEndpoint(ctx, endpoint, principal, req, res);
    }
  };
}

const GUEST: Principal = { kind: 'guest' };
const isApiPath = (path: string): boolean => path.startsWith('/api/') || path === '/api';

/** @throws AppError `method_not_allowed` with `Allow`. */
function findEndpoint({ endpoints, allowed }: Route, requestMethod: string): Endpoint {
  const method = requestMethod === 'HEAD' ? 'get' : requestMethod.toLowerCase();
  const endpoint = endpoints.find((candidate) => candidate.method === method);
  if (endpoint !== undefined) return endpoint;
  throw methodNotAllowed(allowed);
}

async function callEndpoint(
  ctx: ApiContext,
  endpoint: Endpoint,
  principal: Principal,
  req: Request,
  res: Response,
): Promise<void> {
  const { policy } = endpoint;
  const access = policy === null ? { principal, scope: 'all' as const } : authorize(principal, policy);
  const actor = toActor(principal);
  await limitEndpoint(ctx, endpoint, req, res, actor);
  await endpoint.handler({ ctx, req, res, access, actor, ...parseRequest(req, endpoint) });
}

const hasBody = ({ headers }: Request): boolean =>
  headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined;

const runMiddleware = (middleware: RequestHandler, req: Request, res: Response): Promise<void> =>
  new Promise((resolve, reject) => {
    middleware(req, res, (error: unknown) => (error === undefined ? resolve() : reject(error as Error)));
  });

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
  const isEmpty =
    req.headers['transfer-encoding'] === undefined && Number(req.headers['content-length'] ?? 0) === 0;
  if (!isEmpty && req.is(['application/json', '+json']) === false) {
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
