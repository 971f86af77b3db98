import { randomBytes } from 'node:crypto';
import { hash as argon2Hash, verify as argon2Verify, type Options, parseOptions } from '@node-rs/argon2';
import { AppError } from '../../../domain/shared/errors';
import { COMMON_PASSWORDS } from './common-passwords';

/** Hashes passwords with argon2id. @throws AppError `overloaded` when too many wait: a hash costs 19 MiB and a core. */
export interface Passwords {
  hash(password: string): Promise<string>;
  /**
   * Does the same work whether there is a hash or not (null: somebody unknown).
   * @returns `outdated`: right, and to be hashed anew, because the parameters have changed since.
   */
  verify(hash: string | null, password: string): Promise<'valid' | 'outdated' | 'invalid'>;
}

export const MIN_PASSWORD_LENGTH = 10;
export const MAX_PASSWORD_LENGTH = 128;

/** OWASP Password Storage Cheat Sheet: the least for argon2id. */
const ARGON2_PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } satisfies Options;

export interface PasswordOptions {
  parameters?: Required<Pick<Options, 'memoryCost' | 'timeCost' | 'parallelism'>>;
  /** Hashes computed side by side. */
  concurrency?: number;
  /** Those that may wait for their turn. */
  maxQueued?: number;
}

export function createPasswords({
  parameters = ARGON2_PARAMETERS,
  concurrency = 2,
  maxQueued = 50,
}: PasswordOptions = {}): Passwords {
  const inTurn = limitConcurrency(concurrency, maxQueued);
  let nobodys: Promise<string> | undefined;
  const isOutdated = (hash: string): boolean => {
    const { memoryCost, timeCost, parallelism } = parseOptions(hash);
    return (
      memoryCost !== parameters.memoryCost ||
      timeCost !== parameters.timeCost ||
      parallelism !== parameters.parallelism
    );
  };

  return {
    hash: (password) => inTurn(() => argon2Hash(normalizePassword(password), parameters)),

    verify: (hash, password) =>
      inTurn(async () => {
        nobodys ??= argon2Hash(randomBytes(32), parameters);
        const right = await argon2Verify(hash ?? (await nobodys), normalizePassword(password));
        if (!right || hash === null) return 'invalid';
        return isOutdated(hash) ? 'outdated' : 'valid';
      }),
  };
}

/** The same password, however a keyboard composes its letters. */
const normalizePassword = (password: string): string => password.normalize('NFKC');

/**
 * Refuses a password that is too easy to guess. Its length is the schema's business.
 * @param pointer to the field of the request.
 * @throws AppError `invalid_request`
 */
export function assertStrongPassword(password: string, email: string, pointer: string): void {
  const plain = normalizePassword(password).toLowerCase();
  const fault = COMMON_PASSWORDS.has(plain)
    ? 'is one of the most common passwords'
    : plain === email || plain === email.split('@')[0]
      ? 'must not be the address of mail'
      : null;
  if (fault === null) return;
  throw new AppError('invalid_request', 'Some fields are not valid.', {
    errors: [{ pointer, detail: fault }],
  });
}

/** Runs some at once, lets some wait, and turns the rest away. */
function limitConcurrency(atOnce: number, maxWaiting: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= atOnce) {
      if (waiting.length >= maxWaiting) {
        throw new AppError('overloaded', 'Too many want to log in at this moment. Nothing was changed.', {
          retryAfterSeconds: 2,
        });
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      // Who waits takes over the place: nobody who comes now can slip in between.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
