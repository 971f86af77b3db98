import { createHash } from 'node:crypto';
import { ApiError, invalidRequest } from '../errors';
import type { IdempotentRequest, JournalEntry } from './records';

const MAX_KEY_LENGTH = 255;

/**
 * Stripe's idempotency keys (https://docs.stripe.com/api/idempotent_requests): the first decided answer of a key is
 * its answer for good. Stripe may forget a key after a day; here none is forgotten, so a test may take its time.
 */
export class IdempotencyKeys {
  private readonly saved = new Map<string, JournalEntry>();
  private readonly inProgress = new Map<string, IdempotentRequest>();

  /**
   * The saved entry of the key, or undefined when the caller is the first and must `release` the key.
   * @throws ApiError 400 idempotency_error for other parameters, 409 idempotency_key_in_use while the first one runs.
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

  /** Remembers the answer of an entry that is in the journal. */
  save(entry: JournalEntry): void {
    if (entry.request !== null) this.saved.set(entry.request.key, entry);
  }

  release(request: IdempotentRequest): void {
    this.inProgress.delete(request.key);
  }
}

/** @throws ApiError 400 for a key that is too long. An empty or absent key is null. */
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

/** The order in which parameters were sent means nothing. */
function canonicalize(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
