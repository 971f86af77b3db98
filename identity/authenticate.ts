import type { Store } from '../db/store';
import type { Principal } from '../domain/access';
import { verifyApiKey } from './api-keys';
import type { OrderTokens } from './order-tokens';

export interface TokenChecks {
  store: Store;
  orderTokens: OrderTokens;
  now?: () => number;
}

/** Tells who bears a token by what it begins with; null when it is none of ours, or no longer. */
export const createAuthenticate =
  ({ store, orderTokens, now = Date.now }: TokenChecks) =>
  async (token: string): Promise<Principal | null> => {
    if (token.startsWith('key_')) return verifyApiKey(store, token, now());
    const orderId = orderTokens.verify(token);
    return orderId === null ? null : { kind: 'order_token', orderId };
  };
