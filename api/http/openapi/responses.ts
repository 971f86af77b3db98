import type { RouteConfig } from '@asteasolutions/zod-to-openapi';
import { ERRORS, type ErrorCode } from '../../../domain/shared/errors';
import { groupBy } from '../../../domain/shared/group-by';
import { z } from './zod';

export type Responses = RouteConfig['responses'];

const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    instance: z.string(),
    code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
    requestId: z.string(),
    orderId: z.string().optional(),
    orderToken: z.string().optional(),
    orderIds: z.array(z.string()).optional(),
    onHand: z.number().int().optional(),
    reserved: z.number().int().optional(),
    available: z.number().int().optional(),
    errors: z.array(z.looseObject({ pointer: z.string(), detail: z.string() })).optional(),
  })
  .openapi('Problem', {
    description:
      'Problem details (RFC 9457). `code` is stable; `errors` points to the invalid fields by JSON pointer or name.',
  });

/** Response headers. A required one is in every response that documents it. */
export const HEADERS = {
  RateLimit: {
    description: 'Requests left of the limit that was counted last, and seconds until its window ends',
    schema: { type: 'string', example: '"placement";r=41;t=17' },
  },
  'RateLimit-Policy': {
    description: 'That limit and the length of its window in seconds',
    schema: { type: 'string', example: '"placement";q=60;w=60' },
  },
  'Retry-After': {
    required: true,
    description: 'Seconds after which the same request can be sent again',
    schema: { type: 'integer', minimum: 1, example: 2 },
  },
  'WWW-Authenticate': {
    required: true,
    description: 'The authentication challenge (RFC 6750)',
    schema: { type: 'string', example: 'Bearer realm="orders"' },
  },
  Location: {
    required: true,
    description: 'Path of the resource',
    schema: { type: 'string', example: '/api/orders/ord_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' },
  },
  ETag: {
    required: true,
    description:
      'The version of the resource, for `If-None-Match` and `If-Match`; of a page a hash, for `If-None-Match`',
    schema: { type: 'string', example: '"3"' },
  },
  'Cache-Control': {
    required: true,
    description: 'Who may store the response, and for how long (RFC 9111)',
    schema: { type: 'string', example: 'public, max-age=5, stale-while-revalidate=10' },
  },
  Vary: {
    required: true,
    description: 'Request headers on which the response depends',
    schema: { type: 'string', const: 'Authorization' },
  },
  'Idempotent-Replayed': {
    description: 'Present when the response repeats that of an earlier request with the same key',
    schema: { type: 'string', const: 'true' },
  },
  'Preference-Applied': {
    description: 'The preference of `Prefer` that was applied (RFC 7240)',
    schema: { type: 'string', example: 'wait=10' },
  },
  'Content-Disposition': {
    required: true,
    description: 'The suggested file name',
    schema: { type: 'string' },
  },
} as const;
export type HeaderName = keyof typeof HEADERS;

const headerRefs = (headers: readonly HeaderName[]) =>
  Object.fromEntries(headers.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** @param headers besides those of every response. */
export const jsonResponse = (schema: z.ZodType, description: string, ...headers: HeaderName[]) => ({
  description,
  content: { 'application/json': { schema } },
  headers: headerRefs(headers),
});

export const pageResponse = (item: z.ZodType, ...headers: HeaderName[]) =>
  jsonResponse(
    z.object({ data: z.array(item), nextCursor: z.string().nullable() }),
    'A page of the list',
    ...headers,
  );

export const emptyResponse = (description: string, ...headers: HeaderName[]) => ({
  description,
  ...(headers.length === 0 ? {} : { headers: headerRefs(headers) }),
});

export const NOT_MODIFIED = emptyResponse('Unchanged since the version in `If-None-Match`', 'ETag');

/** Headers of every problem response with this status. */
const PROBLEM_HEADERS: Record<number, HeaderName[]> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

/** Error responses by status; the description lists the codes that share it. */
export function problemResponses(
  codes: Iterable<ErrorCode>,
  headers: Readonly<Record<string, readonly HeaderName[]>> = {},
): Responses {
  const byStatus = groupBy(new Set(codes), (code) => ERRORS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, group]) => [
      status,
      {
        description: group.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join('; '),
        content: { 'application/problem+json': { schema: Problem } },
        headers: headerRefs([...(PROBLEM_HEADERS[status] ?? []), ...(headers[status] ?? [])]),
      },
    ]),
  );
}

/** Adds headers to all responses. */
export const withHeaders = (responses: Responses, ...headers: HeaderName[]): Responses =>
  Object.fromEntries(
    Object.entries(responses).map(([status, response]) => [
      status,
      '$ref' in response
        ? response
        : { ...response, headers: { ...response.headers, ...headerRefs(headers) } },
    ]),
  );
