import { extendZodWithOpenApi, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { ERRORS, type ErrorCode } from '../../../domain/shared/errors';
import { groupBy } from '../../../domain/shared/group-by';

extendZodWithOpenApi(z);

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
  .openapi('Problem', { description: 'RFC 9457; `code` is stable' });

type Responses = RouteConfig['responses'];

/** What answers tell in headers that clients go by. What is required is there whenever the description has it. */
export const HEADERS = {
  RateLimit: {
    description: 'What is left of the limit that was counted last, and seconds until it is whole again',
    schema: { type: 'string', example: '"placement";r=41;t=17' },
  },
  'RateLimit-Policy': {
    description: 'That limit, and the seconds it is for',
    schema: { type: 'string', example: '"placement";q=60;w=60' },
  },
  'Retry-After': {
    required: true,
    description: 'Seconds after which the same request can be repeated',
    schema: { type: 'integer', minimum: 1, example: 2 },
  },
  'WWW-Authenticate': {
    required: true,
    description: 'RFC 6750',
    schema: { type: 'string', example: 'Bearer realm="orders"' },
  },
  Location: {
    required: true,
    description: 'Where it can be read',
    schema: { type: 'string', example: '/api/orders/ord_01K9Z0Q6X4J7M2V8W3Y5A1B2C3' },
  },
  ETag: {
    required: true,
    description: 'The version, for `If-None-Match` and `If-Match`',
    schema: { type: 'string', example: '"3"' },
  },
  'Idempotent-Replayed': {
    description: 'The answer to the request that had the key before',
    schema: { type: 'string', const: 'true' },
  },
  'Preference-Applied': {
    description: 'What was honoured of `Prefer` (RFC 7240)',
    schema: { type: 'string', example: 'wait=10' },
  },
  'Content-Disposition': {
    required: true,
    description: 'The name to save it under',
    schema: { type: 'string' },
  },
} as const;
export type HeaderName = keyof typeof HEADERS;

export const headerRefs = (headers: readonly HeaderName[]) =>
  Object.fromEntries(headers.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** By status, what every problem tells. */
const PROBLEM_HEADERS: Record<number, HeaderName[]> = {
  401: ['WWW-Authenticate'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

/** A page of a list. */
export const pageSchema = (item: z.ZodType) =>
  z.object({ data: z.array(item), nextCursor: z.string().nullable() });
/** @param headers that it has, beside those of every answer. */
export const jsonResponse = (schema: z.ZodType, description: string, ...headers: HeaderName[]) => ({
  description,
  content: { 'application/json': { schema } },
  headers: headerRefs(headers),
});
/** The answer to who has seen that version already. */
export const notModified = (description: string) => ({ description, headers: headerRefs(['ETag']) });
/** Body of a request, from the schema that validates it. */
export const jsonRequest = (schema: z.ZodType) => ({
  body: { required: true, content: { 'application/json': { schema } } },
});
/** Answers to failures, by status: several codes may share one. */
export const problemResponses = (...codes: ErrorCode[]): Responses => {
  const byStatus = groupBy(
    [...codes, 'overloaded' as const, 'internal_error' as const],
    (code) => ERRORS[code].status,
  );
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => [
      status,
      {
        description: all.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join('; '),
        content: { 'application/problem+json': { schema: Problem } },
        headers: headerRefs(PROBLEM_HEADERS[status] ?? []),
      },
    ]),
  );
};

/** Adds headers to the answers of these statuses. */
export const withHeaders = (
  responses: Responses,
  statuses: readonly string[],
  ...headers: HeaderName[]
): Responses =>
  Object.fromEntries(
    Object.entries(responses).map(([status, response]) => [
      status,
      '$ref' in response || !statuses.includes(status)
        ? response
        : { ...response, headers: { ...response.headers, ...headerRefs(headers) } },
    ]),
  );

/** Adds failures to answers: a status that is there already is told of those, too. */
export const withProblems = (responses: Responses, ...codes: ErrorCode[]): Responses => {
  const added = Object.entries(problemResponses(...codes)).map(([status, problem]) => {
    const there = responses[status];
    if (there === undefined || '$ref' in there || '$ref' in problem) return [status, problem] as const;
    const descriptions = [there, problem].flatMap(({ description = '' }) => description.split('; '));
    return [status, { ...there, description: [...new Set(descriptions)].join('; ') }] as const;
  });
  return { ...responses, ...Object.fromEntries(added) };
};

/** What anything that has a body can be answered with. */
export const BODY_PROBLEMS = [
  'invalid_request',
  'malformed_json',
  'payload_too_large',
  'unsupported_media_type',
  'service_unavailable',
] as const satisfies readonly ErrorCode[];

/** The header of a change to what has versions. */
export const ifMatchHeader = z.object({
  'if-match': z.string().openapi({ description: 'The ETag that was read', example: '"3"' }),
});
