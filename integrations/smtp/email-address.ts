import { isEmailAddress } from '../../domain/shared/email-address';

export interface EmailAddress {
  /** What people see; may be empty. Free text of a customer: trusted nowhere. */
  name: string;
  address: string;
}

/**
 * Reads `Shop <orders@example.com>` or `orders@example.com`.
 * @throws RangeError when there is no single valid address.
 */
export function parseEmailAddress(value: string): EmailAddress {
  const parts = /^\s*(?:"?([^"<>]*?)"?\s*<([^<>]+)>|(\S+))\s*$/.exec(value);
  const address = parts?.[2] ?? parts?.[3] ?? '';
  if (!isEmailAddress(address)) throw new RangeError('not a mail address of the form "Name <user@host>"');
  return { name: parts?.[1] ?? '', address };
}
