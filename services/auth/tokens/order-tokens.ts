import { createHmac, timingSafeEqual } from 'node:crypto';
import { isOrderId } from '../../../domain/shared/ids';

/** Bearer tokens of guests: each gives access to one order. Derived from the order's id, never stored. */
export interface OrderTokens {
  /** Deterministic: a repeated placement returns the same token. */
  issue(orderId: string): string;
  /** @returns the id of the order, or null when the token is not valid. */
  verify(token: string): string | null;
}

const TOKEN_PATTERN = /^ot_([0-9A-HJKMNP-TV-Z]{26})_([\w-]{43})$/;

/** @param key secret: it can sign a token for every order. */
export function createOrderTokens(key: Buffer): OrderTokens {
  const sign = (orderId: string): string => createHmac('sha256', key).update(orderId).digest('base64url');
  return {
    issue: (orderId) => `ot_${orderId.slice('ord_'.length)}_${sign(orderId)}`,
    verify(token) {
      const [, ulid, signature] = TOKEN_PATTERN.exec(token) ?? [];
      const orderId = `ord_${ulid}`;
      if (signature === undefined || !isOrderId(orderId)) return null;
      return timingSafeEqual(Buffer.from(signature), Buffer.from(sign(orderId))) ? orderId : null;
    },
  };
}
