import { extendZodWithOpenApi, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { FAILURES, type FailureCode } from '../domain/failures';
import { groupBy } from '../domain/group-by';

extendZodWithOpenApi(z);

const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    instance: z.string(),
    code: z.enum(Object.keys(FAILURES) as [FailureCode, ...FailureCode[]]),
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

/** A page of a list. */
export const page = (item: z.ZodType) => z.object({ data: z.array(item), nextCursor: z.string().nullable() });
export const json = (schema: z.ZodType, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});
/** Body of a request, from the schema that validates it. */
export const takes = (schema: z.ZodType) => ({
  body: { required: true, content: { 'application/json': { schema } } },
});
/** Answers to failures, by status: several codes may share one. */
export const problems = (...codes: FailureCode[]): RouteConfig['responses'] => {
  const byStatus = groupBy(
    [...codes, 'overloaded' as const, 'internal_error' as const],
    (code) => FAILURES[code].status,
  );
  return Object.fromEntries(
    [...byStatus].map(([status, all]) => [
      status,
      {
        description: all.map((code) => `\`${code}\`: ${FAILURES[code].title}`).join('; '),
        content: { 'application/problem+json': { schema: Problem } },
      },
    ]),
  );
};

/** What anything that has a body can be answered with. */
export const BODY_PROBLEMS = [
  'invalid_request',
  'malformed_json',
  'payload_too_large',
  'unsupported_media_type',
  'service_unavailable',
] as const satisfies readonly FailureCode[];

/** The header of a change to what has versions. */
export const ifMatch = z.object({
  'if-match': z.string().openapi({ description: 'The ETag that was read', example: '"3"' }),
});
