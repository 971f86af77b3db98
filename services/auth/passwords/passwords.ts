import { randomBytes } from 'node:crypto';
import { hash as argon2Hash, verify as argon2Verify, type Options, parseOptions } from '@node-rs/argon2';
import { AppError } from '../../../domain/shared/errors';
import { COMMON_PASSWORDS } from './common-passwords';

/** Argon2id. @throws AppError `overloaded` when too many hashes are queued: each takes 19 MiB and a core. */
export interface Passwords {
  hash(password: string): Promise<string>;
  /**
   * Takes the same time with and without a hash (null: unknown account).
   * @returns `outdated`: correct, but to be rehashed because the parameters have changed.
   */
  verify(hash: string | null, password: string): Promise<'valid' | 'outdated' | 'invalid'>;
}

export const MIN_PASSWORD_LENGTH = 10;
export const MAX_PASSWORD_LENGTH = 128;

/** The minimum for argon2id of the OWASP Password Storage Cheat Sheet. */
const ARGON2_PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } satisfies Options;

export interface PasswordOptions {
  parameters?: Required<Pick<Options, 'memoryCost' | 'timeCost' | 'parallelism'>>;
  /** Hashes computed at the same time. */
  concurrency?: number;
  /** Hashes that may wait. */
  maxQueued?: number;
}

export function createPasswords({
  parameters = ARGON2_PARAMETERS,
  concurrency = 2,
  maxQueued = 50,
}: PasswordOptions = {}): Passwords {
  const limited = limitConcurrency(concurrency, maxQueued);
  let dummyHash: Promise<string> | undefined;
  const isOutdated = (hash: string): boolean => {
    const { memoryCost, timeCost, parallelism } = parseOptions(hash);
    return (
      memoryCost !== parameters.memoryCost ||
      timeCost !== parameters.timeCost ||
      parallelism !== parameters.parallelism
    );
  };

  return {
    hash: (password) => limited(() => argon2Hash(normalizePassword(password), parameters)),

    verify: (hash, password) =>
      limited(async () => {
        dummyHash ??= argon2Hash(randomBytes(32), parameters);
        const isCorrect = await argon2Verify(hash ?? (await dummyHash), normalizePassword(password));
        if (!isCorrect || hash === null) return 'invalid';
        return isOutdated(hash) ? 'outdated' : 'valid';
      }),
  };
}

/** Keyboards compose the same letters in different ways. */
const normalizePassword = (password: string): string => password.normalize('NFKC');

/**
 * Rejects a password that is easy to guess. The request schema checks its length.
 * @param pointer JSON pointer to the field of the request.
 * @throws AppError `invalid_request`
 */
export function assertStrongPassword(password: string, email: string, pointer: string): void {
  const normalized = normalizePassword(password).toLowerCase();
  const fault = COMMON_PASSWORDS.has(normalized)
    ? 'is one of the most common passwords'
    : normalized === email || normalized === email.split('@')[0]
      ? 'must not be the email address'
      : null;
  if (fault === null) return;
  throw new AppError('invalid_request', 'Some fields are not valid.', {
    errors: [{ pointer, detail: fault }],
  });
}

/** Runs `concurrency` tasks at a time, queues up to `maxQueued` and rejects the rest. */
function limitConcurrency(concurrency: number, maxQueued: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (running >= concurrency) {
      if (queue.length >= maxQueued) {
        throw new AppError(
          'overloaded',
          'Too many logins are in progress. Nothing was changed; the same request can be repeated.',
          {
            retryAfterSeconds: 2,
          },
        );
      }
      await new Promise<void>((resolve) => queue.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      // The slot passes to the next in the queue directly: a new call cannot overtake it.
      const next = queue.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
