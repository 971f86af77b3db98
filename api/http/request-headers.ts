import { AppError, type ErrorCode } from '../../domain/shared/errors';
import { z } from './openapi/zod';

/** A request header: how it is documented, parsed and rejected. */
export interface RequestHeader<T> {
  /** In lower case. */
  name: string;
  schema: z.ZodType;
  /** Error codes of `parse`. */
  errors: readonly ErrorCode[];
  /** @throws AppError with one of `errors` */
  parse(value: string | undefined): T;
}

const ETAG_LIST = /^(W\/)?"[\x21\x23-\x7e]*"( *, *(W\/)?"[\x21\x23-\x7e]*")*$/;

export const toETag = (version: number): string => `"${version}"`;

/**
 * `If-Match` (RFC 9110, 13.1.1), required. Returns a function that tests whether a version matches. Tags are compared as
 * strings, so a weak one never matches.
 */
export const ifMatch: RequestHeader<(version: number) => boolean> = {
  name: 'if-match',
  schema: z.string().openapi({ description: 'The `ETag` of the version to change', example: '"3"' }),
  errors: ['invalid_request', 'precondition_failed', 'precondition_required'],
  parse(value) {
    const header = value?.trim();
    if (header === undefined) {
      throw new AppError('precondition_required', 'Send If-Match with the ETag of the version to change.');
    }
    if (header === '*') return () => true;
    if (!ETAG_LIST.test(header)) {
      throw new AppError('invalid_request', 'The If-Match header is not valid.', {
        errors: [{ pointer: 'If-Match', detail: 'must be an ETag, a list of ETags or *' }],
      });
    }
    const tags = header.split(/ *, */);
    return (version) => tags.includes(toETag(version));
  },
};

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/;
const idempotencyKeySchema = z.string().min(1).max(255);
const IDEMPOTENCY_ERRORS = ['invalid_request', 'idempotency_key_reused'] as const;

const invalidIdempotencyKey = (detail: string, fault: string): AppError =>
  new AppError('invalid_request', detail, { errors: [{ pointer: 'Idempotency-Key', detail: fault }] });

function parseIdempotencyKey(value: string | undefined): string | undefined {
  if (value === undefined || IDEMPOTENCY_KEY.test(value)) return value;
  throw invalidIdempotencyKey(
    'The Idempotency-Key header is not valid.',
    'must be 1 to 255 printable ASCII characters without spaces',
  );
}

export const optionalIdempotencyKey = (description: string): RequestHeader<string | undefined> => ({
  name: 'idempotency-key',
  schema: idempotencyKeySchema.optional().openapi({ description }),
  errors: IDEMPOTENCY_ERRORS,
  parse: parseIdempotencyKey,
});

export const requiredIdempotencyKey = (description: string, example: string): RequestHeader<string> => ({
  name: 'idempotency-key',
  schema: idempotencyKeySchema.openapi({ description, example }),
  errors: IDEMPOTENCY_ERRORS,
  parse(value) {
    const key = parseIdempotencyKey(value);
    if (key !== undefined) return key;
    throw invalidIdempotencyKey(
      'Send an Idempotency-Key header, so that a repeated request is applied once.',
      'is required',
    );
  },
});

/** The preferences of a `Prefer` header (RFC 7240) that are supported. */
export interface Preference {
  /** How long to wait; undefined when the client states no preference. */
  waitMs: number | undefined;
  /** Value of `Preference-Applied`. */
  applied: string | undefined;
}

const MAX_WAIT_SECONDS = 60;

/** Parses `respond-async` and `wait=N` (seconds, at most 60). Malformed preferences are ignored, as RFC 7240 requires. */
export function parsePrefer(header: string | undefined): Preference {
  const parts = (header ?? '').split(',').map((part) => part.trim().toLowerCase());
  const wait = parts.map((part) => /^wait\s*=\s*"?(\d{1,6})"?$/.exec(part)?.[1]).find((s) => s !== undefined);
  if (wait !== undefined) {
    const seconds = Math.min(Number(wait), MAX_WAIT_SECONDS);
    return { waitMs: seconds * 1_000, applied: `wait=${seconds}` };
  }
  if (parts.includes('respond-async')) return { waitMs: 0, applied: 'respond-async' };
  return { waitMs: undefined, applied: undefined };
}

export const prefer: RequestHeader<Preference> = {
  name: 'prefer',
  schema: z.string().optional().openapi({
    description:
      '`wait=N`: wait up to N seconds (at most 60) before responding 202. `respond-async`: respond 202 immediately.',
    example: 'wait=10',
  }),
  errors: [],
  parse: parsePrefer,
};
