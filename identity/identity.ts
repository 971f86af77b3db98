import type { Store } from '../db/store';
import type { AccessTokens } from './access-tokens';
import type { LinkTokens } from './link-tokens';
import type { Passwords } from './passwords';

/** What is needed to tell people from each other and to let them in. */
export interface Identity {
  store: Store;
  passwords: Passwords;
  accessTokens: AccessTokens;
  linkTokens: LinkTokens;
  /** Milliseconds since the epoch. */
  now: () => number;
}

/** What somebody is given who has proved who they are. */
export interface Tokens {
  accessToken: string;
  expiresInSeconds: number;
  /** Good for one refresh. */
  refreshToken: string;
}
