/** Longest address and local part that SMTP carries, in characters (RFC 5321, 4.5.3.1). */
export const MAX_EMAIL_LENGTH = 254;
const MAX_LOCAL_PART_LENGTH = 64;

/** One unquoted mailbox. Quoted local parts and address lists are legal in mail and only ever an attack here. */
const ATOM = String.raw`[^\s@<>()[\]\\,;:".\p{Cc}\p{Cf}\p{Cs}]+`;
const DOMAIN_LABEL = String.raw`[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?`;
/** A host alone is somebody's own machine (`root@localhost`), and digits at the end are an IP address: no shop mails there. */
const EMAIL_PATTERN = new RegExp(
  `^${ATOM}(?:\\.${ATOM})*@(?:${DOMAIN_LABEL}\\.)+(?!\\p{N})${DOMAIN_LABEL}$`,
  'u',
);

/** The one rule for addresses of mail: who may order, register and be mailed. */
export const isEmailAddress = (value: string): boolean =>
  value.length <= MAX_EMAIL_LENGTH &&
  value.indexOf('@') <= MAX_LOCAL_PART_LENGTH &&
  EMAIL_PATTERN.test(value);

/** The stored and compared form: one spelling for each address. */
export const normalizeEmailAddress = (value: string): string => value.trim().normalize('NFC').toLowerCase();
