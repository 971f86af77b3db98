import { isEmailAddress } from '../../domain/shared/email-address';

export interface EmailAddress {
  /** Display name, may be empty. Untrusted user text. */
  name: string;
  address: string;
}

/**
 * Parses `Shop <orders@example.com>` or `orders@example.com`.
 * @throws RangeError unless there is exactly one valid address.
 */
export function parseEmailAddress(value: string): EmailAddress {
  const parts = /^\s*(?:"?([^"<>]*?)"?\s*<([^<>]+)>|(\S+))\s*$/.exec(value);
  const address = parts?.[2] ?? parts?.[3] ?? '';
  if (!isEmailAddress(address)) throw new RangeError('not an email address of the form "Name <user@host>"');
  return { name: parts?.[1] ?? '', address };
}
