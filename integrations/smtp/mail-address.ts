import { isMailAddress } from '../../domain/shared/mail-address';

export interface MailAddress {
  /** What people see; may be empty. Free text of a customer: trusted nowhere. */
  name: string;
  address: string;
}

/**
 * Reads `Shop <orders@example.com>` or `orders@example.com`.
 * @throws RangeError when there is no single valid address.
 */
export function parseMailAddress(value: string): MailAddress {
  const parts = /^\s*(?:"?([^"<>]*?)"?\s*<([^<>]+)>|(\S+))\s*$/.exec(value);
  const address = parts?.[2] ?? parts?.[3] ?? '';
  if (!isMailAddress(address)) throw new RangeError('not a mail address of the form "Name <user@host>"');
  return { name: parts?.[1] ?? '', address };
}
