import nodemailer from 'nodemailer';
import { isEmailAddress } from '../../domain/shared/email-address';
import { toSingleLine } from '../mail-templates/render-mail';
import { type EmailAddress, parseEmailAddress } from './email-address';
import { MailError, toMailError } from './mail-error';
import { parseSmtpUrl } from './smtp-url';

export interface MailMessage {
  to: EmailAddress;
  subject: string;
  html: string;
  text: string;
  /** Message-ID with angle brackets; the same for every attempt, so that mail clients show one mail. */
  messageId: string;
  /** Additional headers. Recipient and identity headers are not allowed. */
  headers?: Record<string, string>;
}

export interface Mailer {
  /**
   * Resolves after the server's 250 reply. After an error that is not `permanent` the server may have accepted the mail,
   * so a retry can deliver it twice, with the same Message-ID.
   * @throws MailError only.
   */
  send(message: MailMessage): Promise<void>;
  /** Completes mails in delivery, fails queued ones, then closes the connections. */
  close(): Promise<void>;
}

export interface SmtpMailerOptions {
  /** `smtp[s]://[user:password@]host[:port]`; see `parseSmtpUrl`. */
  smtpUrl: string;
  /** `Shop <orders@example.com>` */
  from: string;
  /** Timeout of each step: connection, greeting, each reply. */
  timeoutMs: number;
}

/** Mails in delivery at the same time; further ones wait. */
export const MAX_CONNECTIONS = 5;
/**
 * Bounds a whole send, including the wait for a connection, to this multiple of `timeoutMs`: a slow server or queue
 * must not block a send forever.
 */
const DEADLINE_FACTOR = 3;

const MESSAGE_ID_PATTERN = /^<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+>$/;
const HEADER_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9-]*$/;
const RESERVED_HEADERS =
  /^(?:to|cc|bcc|from|sender|subject|date|message-id|mime-version|content-.*|resent-.*|auto-submitted)$/i;

/**
 * Creates a mailer with pooled SMTP connections.
 * @throws RangeError if the URL or the sender is invalid; the message never contains the URL.
 */
export function createSmtpMailer({ smtpUrl, from, timeoutMs }: SmtpMailerOptions): Mailer {
  const server = parseSmtpUrl(smtpUrl);
  const sender = parseEmailAddress(from);
  const transport = nodemailer.createTransport({
    pool: true,
    maxConnections: MAX_CONNECTIONS,
    // Requeues only mails of which no byte was sent, after the server closed an idle connection.
    maxRequeues: 1,
    host: server.host,
    port: server.port,
    secure: server.secure,
    requireTLS: server.requireTls,
    ...(server.credentials && { auth: server.credentials }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    dnsTimeout: timeoutMs,
    socketCloseTimeout: 0,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const sending = new Set<Promise<void>>();
  let closed = false;

  async function deliver(message: MailMessage): Promise<void> {
    if (closed) throw new MailError('closed', false);
    const checked = validateMessage(message);
    try {
      await transport.sendMail({
        ...checked,
        from: sender,
        // Set separately from the headers, so that no header can add a recipient.
        envelope: { from: sender.address, to: [checked.to.address] },
        signal: AbortSignal.timeout(timeoutMs * DEADLINE_FACTOR),
      });
    } catch (error) {
      throw closed && !hasErrorCode(error) ? new MailError('closed', false) : toMailError(error);
    }
  }

  return {
    send(message) {
      const delivery = deliver(message);
      const settled = delivery.then(
        () => {},
        () => {},
      );
      sending.add(settled);
      void settled.then(() => sending.delete(settled));
      return delivery;
    },
    async close() {
      closed = true;
      transport.close();
      await Promise.all(sending);
    },
  };
}

/** Only nodemailer's "pool was closed" error, for queued mails, has no code. */
const hasErrorCode = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error;

function validateMessage(message: MailMessage): MailMessage {
  const { to, subject, html, text, messageId, headers = {} } = message;
  if (!isEmailAddress(to.address)) throw new MailError('invalid_address', true);
  if (!MESSAGE_ID_PATTERN.test(messageId)) throw new MailError('invalid_message', true, 'Message-ID');
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (!HEADER_NAME_PATTERN.test(name) || RESERVED_HEADERS.test(name)) {
      throw new MailError('invalid_message', true, 'header name');
    }
    checked[name] = toSingleLine(value);
  }
  // RFC 3834: prevents automatic replies.
  checked['Auto-Submitted'] = 'auto-generated';
  return {
    to: { name: toSingleLine(to.name), address: to.address },
    subject: toSingleLine(subject),
    html,
    text,
    messageId,
    headers: checked,
  };
}

const HOST_PATTERN = /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/;

/**
 * Builds the Message-ID of a notification: `ntf:email:ord_1:confirmed` → `<ntf.email.ord_1.confirmed@domain>`.
 * Injective: `:` between plain characters becomes `.`; other characters outside A-Z a-z 0-9 _ - become their UTF-8 bytes
 * as `=XX` (all legal in RFC 5322's dot-atom).
 * @throws RangeError for an empty id or a domain that is not a host name.
 */
export function toMessageId(notificationId: string, domain: string): string {
  if (notificationId === '') throw new RangeError('a notification id must not be empty');
  if (!HOST_PATTERN.test(domain)) throw new RangeError('the domain of a Message-ID must be a host name');
  const local = notificationId
    .replace(/[^A-Za-z0-9_:-]/gu, encodeCharacter)
    .replace(/(?<=[^:]):(?=[^:])/g, '.')
    .replace(/:/g, encodeCharacter);
  return `<${local}@${domain}>`;
}

const encodeCharacter = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
