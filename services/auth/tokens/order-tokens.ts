import { createHmac, timingSafeEqual } from 'node:crypto';
import { isOrderId } from '../../../domain/shared/ids';

/** What a guest is given with an order: it opens that order and nothing else. Nothing of it is stored. */
export interface OrderTokens {
  /** The same each time, so that a repeated placement is answered with the same one. */
  issue(orderId: string): string;
  /** @returns the id of the order that the token opens, if it is one of ours. */
  verify(token: string): string | null;
}

const TOKEN_PATTERN = /^ot_([0-9A-HJKMNP-TV-Z]{26})_([\w-]{43})$/;

/** @param key signs the tokens; who has it can read every order. */
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
