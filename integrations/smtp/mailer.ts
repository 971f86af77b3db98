import nodemailer from 'nodemailer';
import { isEmailAddress } from '../../domain/shared/email-address';
import { type EmailAddress, parseEmailAddress } from './email-address';
import { MailError, toMailError } from './mail-error';
import { parseSmtpUrl } from './smtp-url';

export interface MailMessage {
  to: EmailAddress;
  subject: string;
  html: string;
  text: string;
  /** The whole Message-ID with its angle brackets: the same for every try, so that a reader sees one mail. */
  messageId: string;
  /** Further headers. Those that say who gets the mail or which mail it is cannot be set here. */
  headers?: Record<string, string>;
}

export interface Mailer {
  /**
   * Resolves once the server has answered 250. A rejection that is not `permanent` may come after the server took
   * the mail (its answer was lost), so a retry can deliver it twice, with the same Message-ID.
   * @throws MailError and nothing else.
   */
  send(message: MailMessage): Promise<void>;
  /** Lets what is being delivered finish, fails what still waits, then closes the connections. */
  close(): Promise<void>;
}

export interface SmtpMailerOptions {
  /** `smtp[s]://[user:password@]host[:port]`; see `parseSmtpUrl`. */
  smtpUrl: string;
  /** `Shop <orders@example.com>` */
  from: string;
  /** Longest silence, in ms, at each step: connecting, the greeting, any answer. */
  timeoutMs: number;
}

const MAX_CONNECTIONS = 5;
/**
 * A send as a whole, its wait for a free connection included, may take this many times `timeoutMs`. Without it
 * a server that trickles its answers, or a queue behind one that hangs, would hold a send without end.
 */
const DEADLINE_FACTOR = 3;

const MESSAGE_ID_PATTERN = /^<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+>$/;
const HEADER_NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9-]*$/;
const RESERVED_HEADERS =
  /^(?:to|cc|bcc|from|sender|subject|date|message-id|mime-version|content-.*|resent-.*|auto-submitted)$/i;

/**
 * A mailer over pooled SMTP connections.
 * @throws RangeError when the URL or the sender cannot be read; the message never repeats the URL.
 */
export function createSmtpMailer({ smtpUrl, from, timeoutMs }: SmtpMailerOptions): Mailer {
  const server = parseSmtpUrl(smtpUrl);
  const sender = parseEmailAddress(from);
  const transport = nodemailer.createTransport({
    pool: true,
    maxConnections: MAX_CONNECTIONS,
    // Only ever re-queues a mail of which no byte was sent, when the server had closed an idle connection.
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
        // Given apart from the headers: whatever a header may come to say, only this one address gets the mail.
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

/** Only nodemailer's "pool was closed", for mails that still waited, has none. */
const hasErrorCode = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error;

/** Free text for a header: one line. Line breaks and other controls would be the way to a header of one's own. */
const toSingleLine = (value: string): string => value.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();

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
  // RFC 3834: keeps holiday notices and other automatic answers away.
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
 * The Message-ID of a notification: `ntf:email:ord_1:confirmed` → `<ntf.email.ord_1.confirmed@domain>`. The same id
 * gives the same Message-ID, different ids different ones: `:` between two characters that need no care becomes
 * `.`, every other character outside A-Z a-z 0-9 _ - its UTF-8 bytes as `=XX` (all legal in RFC 5322's dot-atom).
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
