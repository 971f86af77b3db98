/** Longest address and local part that SMTP carries, in characters (RFC 5321, 4.5.3.1). */
export const MAX_EMAIL_LENGTH = 254;
const MAX_LOCAL_PART_LENGTH = 64;

/** One unquoted mailbox. Quoted local parts and address lists are legal in SMTP, but only attackers send them here. */
const ATOM = String.raw`[^\s@<>()[\]\\,;:".\p{Cc}\p{Cf}\p{Cs}]+`;
const DOMAIN_LABEL = String.raw`[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?`;
/** Rejects single-label hosts (`root@localhost`) and IP addresses. */
const EMAIL_PATTERN = new RegExp(
  `^${ATOM}(?:\\.${ATOM})*@(?:${DOMAIN_LABEL}\\.)+(?!\\p{N})${DOMAIN_LABEL}$`,
  'u',
);

/** The only rule for email addresses: used for orders, registration and delivery. */
export const isEmailAddress = (value: string): boolean =>
  value.length <= MAX_EMAIL_LENGTH &&
  value.indexOf('@') <= MAX_LOCAL_PART_LENGTH &&
  EMAIL_PATTERN.test(value);

/** The stored form of an email address, used for every comparison. */
export const normalizeEmailAddress = (value: string): string => value.trim().normalize('NFC').toLowerCase();
