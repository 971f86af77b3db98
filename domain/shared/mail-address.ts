/** Longest address and local part that SMTP carries, in characters (RFC 5321, 4.5.3.1). */
export const MAX_ADDRESS_LENGTH = 254;
const MAX_LOCAL_PART_LENGTH = 64;

/** One unquoted mailbox. Quoted local parts and address lists are legal in mail and only ever an attack here. */
const WORD = String.raw`[^\s@<>()[\]\\,;:".\p{Cc}\p{Cf}\p{Cs}]+`;
const LABEL = String.raw`[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?`;
/** A host alone is somebody's own machine (`root@localhost`), and digits at the end are an IP address: no shop mails there. */
const ADDRESS = new RegExp(`^${WORD}(?:\\.${WORD})*@(?:${LABEL}\\.)+(?!\\p{N})${LABEL}$`, 'u');

/** The one rule for addresses of mail: who may order, register and be mailed. */
export const isMailAddress = (value: string): boolean =>
  value.length <= MAX_ADDRESS_LENGTH && value.indexOf('@') <= MAX_LOCAL_PART_LENGTH && ADDRESS.test(value);
