import { OpenAPIRegistry, OpenApiGeneratorV31, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import { type Policy, ROLES } from '../../../domain/shared/access';
import type { ErrorCode } from '../../../domain/shared/errors';
import type { Endpoint } from '../endpoint';
import { HEADERS, problemResponses, type Responses, withHeaders } from './responses';
import { z } from './zod';

/** The OpenAPI document of these endpoints. */
export function createOpenApiDocument(endpoints: readonly Endpoint[]) {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: "An account's access token, a machine's API key, or the token of one guest order.",
  });
  for (const [name, header] of Object.entries(HEADERS)) registry.registerComponent('headers', name, header);
  for (const endpoint of endpoints) registry.registerPath(toRoute(endpoint));
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Durable Orders',
      version: '0.1.0',
      description: API_DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
  });
}

const API_DESCRIPTION = [
  'Every order is a durable Temporal workflow.',
  'Errors are `application/problem+json` (RFC 9457) with a stable `code`.',
  'Amounts of money are integers in the minor unit of the currency; timestamps are RFC 3339 in UTC.',
  'Lists are paginated: pass `nextCursor` as `cursor` to get the next page.',
  'Missing credentials return 401, insufficient ones 403. A record that the caller may not see returns 404, as one that',
  'does not exist does. An invalid, expired or revoked token returns 401 on every endpoint under `/api`.',
].join(' ');

function toRoute(endpoint: Endpoint): RouteConfig {
  const { method, path, policy, summary, description, tags } = endpoint;
  return {
    method,
    path: path.replace(/:(\w+)/g, '{$1}'),
    summary,
    ...describeAccess(policy, description),
    tags,
    request: toRouteRequest(endpoint),
    responses: toRouteResponses(endpoint),
  };
}

function toRouteRequest({ request, isBodyOptional }: Endpoint): NonNullable<RouteConfig['request']> {
  const { params, query, headers, body, csv } = request ?? {};
  const content =
    body === undefined ? csv && { 'text/csv': { schema: csv } } : { 'application/json': { schema: body } };
  return {
    ...(params && { params }),
    ...(query && { query }),
    ...(headers && {
      headers: z.object(Object.fromEntries(Object.values(headers).map(({ name, schema }) => [name, schema]))),
    }),
    ...(content && { body: { required: isBodyOptional !== true, content } }),
  };
}

function toRouteResponses(endpoint: Endpoint): Responses {
  const { responses, errorHeaders } = endpoint;
  if (endpoint.limit === 'none') return responses;
  const codes = [...listErrors(endpoint), 'overloaded' as const, 'internal_error' as const];
  return withHeaders(
    { ...responses, ...problemResponses(codes, errorHeaders) },
    'RateLimit',
    'RateLimit-Policy',
  );
}

/** The endpoint's own errors, and those that follow from its request and policy. */
function listErrors({ request = {}, notFound, policy, errors = [] }: Endpoint): ErrorCode[] {
  const { params, query, headers = {}, body, csv } = request;
  const ifPresent = (part: unknown, ...codes: ErrorCode[]) => (part === undefined ? [] : codes);
  return [
    ...ifPresent(params, 'invalid_request'),
    ...ifPresent(notFound, 'not_found'),
    ...ifPresent(query, 'invalid_request'),
    ...ifPresent(query?.shape.cursor, 'invalid_cursor'),
    ...Object.values(headers).flatMap((header) => header.errors),
    ...ifPresent(body ?? csv, 'invalid_request', 'payload_too_large', 'unsupported_media_type'),
    ...ifPresent(body, 'malformed_json'),
    ...ifPresent(csv, 'malformed_csv'),
    ...errors,
    ...(policy === null ? [] : listAccessErrors(policy)),
    'too_many_requests',
  ];
}

const listAccessErrors = ({ guest, scope }: Policy): ErrorCode[] => [
  'invalid_token',
  ...(guest === 'all' ? [] : (['unauthenticated'] as const)),
  ...(guest === 'all' && scope === null ? [] : (['forbidden'] as const)),
  'service_unavailable',
];

/** Adds the callers that the policy admits. */
function describeAccess(
  policy: Policy | null,
  description = '',
): Pick<RouteConfig, 'description' | 'security'> {
  if (policy === null) return description === '' ? {} : { description };
  return {
    description: [description, `Available to: ${listCallers(policy)}.`].filter(Boolean).join('\n\n'),
    security: policy.guest === 'all' ? [{}, { bearer: [] }] : [{ bearer: [] }],
  };
}

function listCallers({ guest, scope, ...roles }: Policy): string {
  if (guest === 'all') return scope === null ? 'everyone' : `everyone (API keys need \`${scope}\`)`;
  const accounts = ROLES.filter((role) => roles[role] !== 'none').map(
    (role) => `${role}${roles[role] === 'own' ? ' (own data)' : ''}`,
  );
  return [
    ...(guest === 'own' ? ["the bearer of the order's token"] : []),
    ...accounts,
    ...(scope === null ? [] : [`API keys with \`${scope}\``]),
  ].join(', ');
}
