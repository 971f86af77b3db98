import PostalMime from 'postal-mime';
import { decodeTime } from 'ulid';
import type { EmailAddress } from '../../integrations/smtp/email-address';

/** The sender and recipients of the SMTP session, which can differ from the mail's headers. */
export interface Envelope {
  from: string;
  to: string[];
}

/** A caught mail as returned by the JSON API. */
export interface CaughtMessage {
  /** ULID: sorts by time of receipt. */
  id: string;
  /** With angle brackets, as in the header; null if the mail has none. */
  messageId: string | null;
  from: EmailAddress | null;
  /** The recipients of the envelope, including blind copies, with names from the headers. */
  to: EmailAddress[];
  subject: string;
  /** RFC 3339, or the raw header if it is not a date. */
  date: string | null;
  text: string | null;
  html: string | null;
  /** RFC 3339. */
  receivedAt: string;
}

/** A caught mail with the parts that only its web page shows. */
export interface CaughtMail {
  message: CaughtMessage;
  headers: { name: string; value: string }[];
  /** The trace headers, then the mail as received. */
  raw: Buffer;
}

/**
 * Prepends the envelope to a mail as a delivering server does: `Return-Path`, `Delivered-To`, `Received`. The result is an
 * .eml file for any mail program.
 */
export function addTraceHeaders(mail: Buffer, envelope: Envelope, receivedAtMs: number): Buffer {
  const lines = [
    `Return-Path: <${toSingleLine(envelope.from)}>`,
    ...envelope.to.map((address) => `Delivered-To: ${toSingleLine(address)}`),
    `Received: by mail-catcher; ${new Date(receivedAtMs).toUTCString().replace('GMT', '+0000')}`,
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n`), mail]);
}

const toSingleLine = (value: string): string => value.replace(/[\r\n]+/g, ' ');

/** Parses a mail with trace headers; without them the recipients are those of its own headers. */
export async function parseMail(id: string, raw: Buffer): Promise<CaughtMail> {
  const mail = await PostalMime.parse(raw);
  const headers = mail.headers.map(({ originalKey, value }) => ({ name: originalKey, value }));
  const headerRecipients = flattenMailboxes([...(mail.to ?? []), ...(mail.cc ?? []), ...(mail.bcc ?? [])]);
  const delivered = getDeliveredTo(headers);
  const message: CaughtMessage = {
    id,
    messageId: mail.messageId ?? null,
    from: flattenMailboxes(mail.from ? [mail.from] : [])[0] ?? null,
    to:
      delivered.length > 0
        ? delivered.map(
            (address) =>
              headerRecipients.find((box) => isSameAddress(box.address, address)) ?? { name: '', address },
          )
        : headerRecipients,
    subject: mail.subject ?? '',
    date: mail.date ?? null,
    text: mail.text ?? null,
    html: mail.html ?? null,
    receivedAt: new Date(decodeTime(id)).toISOString(),
  };
  return { message, headers, raw };
}

export const isSameAddress = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** Reads only headers above the catcher's own `Received`: those below are part of the mail and can be forged. */
function getDeliveredTo(headers: { name: string; value: string }[]): string[] {
  const end = headers.findIndex(
    ({ name, value }) => name === 'Received' && value.startsWith('by mail-catcher'),
  );
  return headers
    .slice(0, Math.max(end, 0))
    .filter(({ name }) => name === 'Delivered-To')
    .map(({ value }) => value);
}

const flattenMailboxes = (addresses: PostalMime.Address[]): EmailAddress[] =>
  addresses.flatMap((address) => address.group ?? [address]).map(({ name, address }) => ({ name, address }));
