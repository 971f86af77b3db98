import type { Store } from '../../db/core/store';
import type { Principal } from '../../domain/shared/access';
import { verifyApiKey } from './api-keys';
import type { AccessTokens } from './tokens/access-tokens';
import type { OrderTokens } from './tokens/order-tokens';

export interface AuthenticatorDependencies {
  store: Store;
  accessTokens: Pick<AccessTokens, 'verify'>;
  orderTokens: OrderTokens;
  now?: () => number;
}

/** Authenticates a bearer token: API key, order token or access token. @returns null when it is not valid. */
export const createAuthenticator =
  ({ store, accessTokens, orderTokens, now = Date.now }: AuthenticatorDependencies) =>
  async (token: string): Promise<Principal | null> => {
    if (token.startsWith('key_')) return verifyApiKey(store, token, now());
    const orderId = orderTokens.verify(token);
    if (orderId !== null) return { kind: 'order_token', orderId };
    const claims = await accessTokens.verify(token);
    if (claims === null) return null;
    // The session is read each time: a change of role or password and a log-out take effect immediately.
    const session = await store.sessions.find(claims.sessionId);
    return session?.customerId === claims.customerId ? { kind: 'account', ...claims } : null;
  };
