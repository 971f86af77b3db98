import { createHash } from 'node:crypto';
import { ApiError, invalidRequest } from '../errors';
import type { IdempotentRequest, JournalEntry } from './records';

const MAX_KEY_LENGTH = 255;

/**
 * Stripe's idempotency keys (https://docs.stripe.com/api/idempotent_requests): the response of the first executed request
 * is replayed. Stripe can remove keys after 24 hours; here they never expire.
 */
export class IdempotencyKeys {
  private readonly saved = new Map<string, JournalEntry>();
  private readonly inProgress = new Map<string, IdempotentRequest>();

  /**
   * @returns the saved entry of the key, or undefined for the first request, which must `release` the key.
   * @throws ApiError 400 idempotency_error for other parameters, 409 idempotency_key_in_use while the first request runs.
   */
  claim(request: IdempotentRequest): JournalEntry | undefined {
    const saved = this.saved.get(request.key);
    const first = saved?.request ?? this.inProgress.get(request.key);
    if (first && first.fingerprint !== request.fingerprint) {
      throw new ApiError(400, {
        type: 'idempotency_error',
        message:
          'Keys for idempotent requests can only be used with the same parameters they were first used with. ' +
          `Try using a key other than '${request.key}' if you meant to execute a different request.`,
      });
    }
    if (this.inProgress.has(request.key)) {
      throw invalidRequest(
        `There is currently another in-progress request using this Idempotent Key: ${request.key}. Please try again later.`,
        { code: 'idempotency_key_in_use' },
        409,
      );
    }
    if (saved === undefined) this.inProgress.set(request.key, request);
    return saved;
  }

  /** Stores a journal entry, to replay its response. */
  save(entry: JournalEntry): void {
    if (entry.request !== null) this.saved.set(entry.request.key, entry);
  }

  release(request: IdempotentRequest): void {
    this.inProgress.delete(request.key);
  }
}

/** @returns null without a key. @throws ApiError 400 for a key that is too long. */
export function toIdempotentRequest(
  key: string | undefined,
  method: string,
  path: string,
  params: unknown,
): IdempotentRequest | null {
  if (!key) return null;
  if (key.length > MAX_KEY_LENGTH)
    throw invalidRequest(`Idempotency keys have up to ${MAX_KEY_LENGTH} characters.`);
  const text = `${method} ${path} ${canonicalize(params)}`;
  return { key, fingerprint: createHash('sha256').update(text).digest('base64url') };
}

/** JSON with sorted names: the order of parameters is irrelevant. */
function canonicalize(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
