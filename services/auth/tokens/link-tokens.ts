import { createHmac, timingSafeEqual } from 'node:crypto';
import type { TokenPurpose } from '../../../db/auth/one-time-tokens';
import { isOneTimeTokenId } from '../../../domain/shared/ids';

/**
 * Tokens for links in mails. Each is derived from the id of its row and the key, when the request creates it and again
 * when the mail is composed: no table, event or workflow holds it.
 */
export interface LinkTokens {
  issue(id: string, purpose: TokenPurpose): string;
  /** @returns the id of its row, or null when the token is not valid for that purpose. The row records its use. */
  verify(token: string, purpose: TokenPurpose): string | null;
}

const TOKEN_PATTERN = /^(ott_\w{26})\.([\w-]{43})$/;

/** @param key secret: it can sign every link. */
export function createLinkTokens(key: Buffer): LinkTokens {
  const sign = (id: string, purpose: TokenPurpose): Buffer =>
    Buffer.from(createHmac('sha256', key).update(`${purpose}\n${id}`).digest('base64url'));
  return {
    issue: (id, purpose) => `${id}.${sign(id, purpose).toString()}`,
    verify(token, purpose) {
      const [, id, signature] = TOKEN_PATTERN.exec(token) ?? [];
      if (id === undefined || signature === undefined || !isOneTimeTokenId(id)) return null;
      return timingSafeEqual(Buffer.from(signature), sign(id, purpose)) ? id : null;
    },
  };
}
