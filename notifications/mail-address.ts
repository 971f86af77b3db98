export interface MailAddress {
  /** What people see; may be empty. Free text of a customer: trusted nowhere. */
  name: string;
  address: string;
}

/** Longest address and local part that SMTP carries, in characters (RFC 5321, 4.5.3.1). */
const MAX_ADDRESS_LENGTH = 254;
const MAX_LOCAL_PART_LENGTH = 64;

/** One unquoted mailbox. Quoted local parts and address lists are legal in mail and only ever an attack here. */
const ADDRESS = /^(?!\.)[^\s@<>()[\]\\,;:"\p{Cc}]+(?<!\.)@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*$/u;

export const isMailAddress = (value: string): boolean =>
  value.length <= MAX_ADDRESS_LENGTH && value.indexOf('@') <= MAX_LOCAL_PART_LENGTH && ADDRESS.test(value);

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
