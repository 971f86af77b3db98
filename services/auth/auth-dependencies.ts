import type { Store } from '../../db/core/store';
import type { Passwords } from './passwords/passwords';
import type { AccessTokens } from './tokens/access-tokens';
import type { LinkTokens } from './tokens/link-tokens';

export interface AuthDependencies {
  store: Store;
  passwords: Passwords;
  accessTokens: AccessTokens;
  linkTokens: LinkTokens;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** Work that runs after the response: its duration would reveal whether an email address has an account. */
export type DeferredWork = () => Promise<void>;

export interface Tokens {
  accessToken: string;
  expiresInSeconds: number;
  /** Valid for one refresh. */
  refreshToken: string;
}
