import { createHmac, timingSafeEqual } from 'node:crypto';
import type { TokenPurpose } from '../../../db/auth/one-time-tokens';
import { isOneTimeTokenId } from '../../../domain/shared/ids';

/**
 * The tokens in links of mails. Each is derived from the id of its row and the key, so that nobody has to hand it on: it
 * is in no table, event or workflow, and the one who writes the mail derives it again.
 */
export interface LinkTokens {
  issue(id: string, purpose: TokenPurpose): string;
  /** @returns the id of its row, if it is one of ours for that purpose. Whether it was used is the row's business. */
  verify(token: string, purpose: TokenPurpose): string | null;
}

const TOKEN_PATTERN = /^(ott_\w{26})\.([\w-]{43})$/;

/** @param key whoever has it can make every link. */
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
