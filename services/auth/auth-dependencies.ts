import type { Store } from '../../db/core/store';
import type { Passwords } from './passwords/passwords';
import type { AccessTokens } from './tokens/access-tokens';
import type { LinkTokens } from './tokens/link-tokens';

/** What is needed to tell people from each other and to let them in. */
export interface AuthDependencies {
  store: Store;
  passwords: Passwords;
  accessTokens: AccessTokens;
  linkTokens: LinkTokens;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/**
 * What is left to do for somebody who has been told all there is to tell. Nobody waits for it: how long it takes would
 * tell whether an address has an account.
 */
export type DeferredWork = () => Promise<void>;

/** What somebody is given who has proved who they are. */
export interface Tokens {
  accessToken: string;
  expiresInSeconds: number;
  /** Good for one refresh. */
  refreshToken: string;
}
