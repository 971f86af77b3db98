import { OpenAPIRegistry, OpenApiGeneratorV31, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { type Policy, ROLES } from '../../../domain/shared/access';
import * as apiKey from '../../auth/api-key-schemas';
import * as catalogue from '../../catalogue/list-schemas';
import { PRODUCT_ROUTES } from '../../catalogue/openapi';
import { CUSTOMER_ROUTES } from '../../customers/openapi';
import { INVENTORY_ROUTES } from '../../inventory/openapi';
import * as quote from '../../orders/quote-schemas';
import * as order from '../../orders/schemas';
import { POLICIES } from '../policies';
import {
  BODY_PROBLEMS,
  HEADERS,
  type HeaderName,
  jsonResponse,
  notModified,
  pageSchema,
  problemResponses,
  withHeaders,
  withProblems,
} from './responses';

const orderIdParam = z.object({
  id: z
    .string()
    .regex(/^ord_[0-9A-HJKMNP-TV-Z]{26}$/)
    .openapi({ example: 'ord_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }),
});
const preferHeader = z.object({
  prefer: z.string().optional().openapi({
    description: '`wait=N`: wait at most N seconds (60 at most), then 202. `respond-async`: 202 at once.',
    example: 'wait=10',
  }),
});

/** Of an order that was placed, also where it was rejected: it can be read. */
const PLACEMENT_HEADERS: HeaderName[] = ['Location', 'Idempotent-Replayed', 'Preference-Applied'];

const ROUTES: RouteConfig[] = [
  {
    method: 'post',
    path: '/api/orders',
    summary: 'Place an order',
    description: 'Prices come from the catalogue. Starts one durable workflow and waits for its decision.',
    tags: ['orders'],
    request: {
      headers: preferHeader.extend({
        'idempotency-key': z.string().min(1).max(255).optional().openapi({
          description: 'The same key and body give the same answer, however often they are sent',
        }),
      }),
      body: { required: true, content: { 'application/json': { schema: order.PlaceOrderRequest } } },
    },
    responses: {
      201: jsonResponse(
        order.PlacedOrder,
        'Decided: confirmed, or cancelled in the meantime',
        'ETag',
        ...PLACEMENT_HEADERS,
      ),
      202: jsonResponse(
        order.PendingOrder,
        'Accepted; the decision will be at `Location`',
        ...PLACEMENT_HEADERS,
      ),
      ...withHeaders(
        problemResponses(
          ...BODY_PROBLEMS,
          'unknown_sku',
          'payment_declined',
          'payment_unavailable',
          'out_of_stock',
          'customer_erased',
          'idempotency_key_reused',
        ),
        ['402', '409'],
        ...PLACEMENT_HEADERS,
      ),
    },
  },
  {
    method: 'post',
    path: '/api/quotes',
    summary: 'Price a basket',
    description:
      'What it would cost if it were ordered now, by the function that prices orders. Nothing is kept.',
    tags: ['quotes'],
    request: {
      body: { required: true, content: { 'application/json': { schema: quote.QuoteRequest } } },
    },
    responses: {
      200: jsonResponse(quote.Quote, 'The price, and what each way of shipping would cost'),
      ...problemResponses(...BODY_PROBLEMS, 'unknown_sku'),
    },
  },
  {
    method: 'get',
    path: '/api/orders',
    summary: 'List orders, newest first',
    description: 'A customer sees their own, staff see all.',
    tags: ['orders'],
    request: { query: order.ListOrdersQuery },
    responses: {
      200: jsonResponse(pageSchema(order.OrderSummary), 'A page'),
      ...problemResponses('invalid_request', 'invalid_cursor', 'service_unavailable'),
    },
  },
  {
    method: 'get',
    path: '/api/orders/{id}',
    summary: 'Read an order',
    tags: ['orders'],
    request: { params: orderIdParam, query: order.GetOrderQuery },
    responses: {
      200: jsonResponse(order.Order, 'The order; `ETag` is its version', 'ETag'),
      304: notModified('Not changed since the version in `If-None-Match`'),
      ...problemResponses('invalid_request', 'not_found', 'service_unavailable'),
    },
  },
  {
    method: 'get',
    path: '/api/orders/{id}/history',
    summary: 'What happened to an order, when and by whom',
    tags: ['orders'],
    request: { params: orderIdParam },
    responses: {
      200: jsonResponse(order.OrderHistory, 'Oldest first'),
      ...problemResponses('not_found', 'service_unavailable'),
    },
  },
  {
    method: 'post',
    path: '/api/orders/{id}/cancel',
    summary: 'Cancel an order',
    description: 'Everything the order did is undone. Twice is once.',
    tags: ['orders'],
    request: {
      params: orderIdParam,
      headers: preferHeader,
      body: { required: false, content: { 'application/json': { schema: order.CancelOrderRequest } } },
    },
    responses: {
      200: jsonResponse(order.Order, 'Cancelled', 'ETag', 'Preference-Applied'),
      202: jsonResponse(
        order.Order,
        'Asked for; the end will be at `Location`',
        'ETag',
        'Location',
        'Preference-Applied',
      ),
      ...problemResponses(...BODY_PROBLEMS, 'not_found', 'not_cancellable'),
    },
  },
  ...PRODUCT_ROUTES,
  ...INVENTORY_ROUTES,
  {
    method: 'post',
    path: '/api/api-keys',
    summary: 'Make a key for a machine',
    tags: ['access'],
    request: {
      body: { required: true, content: { 'application/json': { schema: apiKey.CreateApiKeyRequest } } },
    },
    responses: {
      201: jsonResponse(apiKey.ApiKeyWithToken, 'The key, with its token: it is shown this once'),
      ...problemResponses(...BODY_PROBLEMS),
    },
  },
  {
    method: 'get',
    path: '/api/api-keys',
    summary: 'List the keys of machines, newest first',
    tags: ['access'],
    request: { query: catalogue.PageQuery },
    responses: {
      200: jsonResponse(pageSchema(apiKey.ApiKey), 'A page'),
      ...problemResponses('invalid_request', 'invalid_cursor', 'service_unavailable'),
    },
  },
  {
    method: 'delete',
    path: '/api/api-keys/{id}',
    summary: 'Revoke a key',
    description: 'It is refused from then on. Twice is once.',
    tags: ['access'],
    request: { params: z.object({ id: z.string().openapi({ example: 'key_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' }) }) },
    responses: {
      204: { description: 'Revoked' },
      ...problemResponses('not_found', 'service_unavailable'),
    },
  },
  ...CUSTOMER_ROUTES,
  {
    method: 'get',
    path: '/healthz',
    summary: 'The process lives',
    tags: ['operations'],
    responses: { 200: jsonResponse(z.object({ status: z.literal('ok') }), 'Alive') },
  },
  {
    method: 'get',
    path: '/readyz',
    summary: 'The system can take orders',
    tags: ['operations'],
    responses: {
      200: jsonResponse(readinessSchema('ready'), 'Ready'),
      503: jsonResponse(readinessSchema('not_ready'), 'Something is missing'),
    },
  },
];

/** @param status as the answer has it; `missing` says in words what is not there. */
function readinessSchema(status: 'ready' | 'not_ready') {
  return z.object({
    status: z.literal(status),
    checks: z.record(z.string(), z.boolean()),
    missing: z.array(z.string()),
  });
}

/** Adds who may call it, as the policies have it, and how those are answered who may not. */
function withPolicy(route: RouteConfig): RouteConfig {
  const operation = `${route.method.toUpperCase()} ${route.path.replace(/\{(\w+)\}/g, ':$1')}`;
  const policy = (POLICIES as Record<string, Policy>)[operation];
  if (policy === undefined) return route;
  const { guest, scope, ...roles } = policy;
  const people = ROLES.filter((role) => roles[role] !== 'none').map(
    (role) => `${role}${roles[role] === 'own' ? ' (own)' : ''}`,
  );
  const callers =
    guest === 'all'
      ? 'anyone'
      : [
          ...(guest === 'own' ? ["bearer of the order's token"] : []),
          ...people,
          ...(scope === null ? [] : [`machine with \`${scope}\``]),
        ].join(', ');
  const isForAll = guest === 'all' && scope === null;
  return {
    ...route,
    description: [route.description, `For: ${callers}.`].filter(Boolean).join(' '),
    security: guest === 'all' ? [{}, { bearer: [] }] : [{ bearer: [] }],
    responses: withProblems(
      route.responses,
      'invalid_token',
      'service_unavailable',
      ...(guest === 'all' ? [] : (['unauthenticated'] as const)),
      ...(isForAll ? [] : (['forbidden'] as const)),
      // An address whose escapes are none.
      ...(route.request?.params === undefined ? [] : (['invalid_request'] as const)),
    ),
  };
}

/** Adds how those are answered who ask too often, and what every answer says of that. Only health is not counted. */
function withRateLimits(route: RouteConfig): RouteConfig {
  if (route.tags?.includes('operations')) return route;
  const responses = withProblems(route.responses, 'too_many_requests');
  return {
    ...route,
    responses: withHeaders(responses, Object.keys(responses), 'RateLimit', 'RateLimit-Policy'),
  };
}

/** The description of the API, from the schemas that validate it. */
export function createOpenApiDocument() {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: "The token of an account, a machine's key, or the token of one order.",
  });
  for (const [name, header] of Object.entries(HEADERS)) registry.registerComponent('headers', name, header);
  for (const route of ROUTES) registry.registerPath(withRateLimits(withPolicy(route)));
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Durable Orders',
      version: '0.1.0',
      description:
        'Every order is a durable Temporal workflow. Errors are problem+json (RFC 9457) with a stable `code`.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
  });
}
