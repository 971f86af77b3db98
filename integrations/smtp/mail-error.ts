/**
 * Causes of a failed mail. The SMTP server rejected this mail (`recipient_refused`, `message_refused`) or our
 * configuration (`sender_refused`, `login_failed`); all others occur before or without a response.
 */
export type MailErrorCode =
  | 'invalid_address'
  | 'invalid_message'
  | 'recipient_refused'
  | 'message_refused'
  | 'sender_refused'
  | 'login_failed'
  | 'connection_failed'
  | 'timeout'
  | 'closed'
  | 'send_failed';

const MESSAGES: Record<MailErrorCode, string> = {
  invalid_address: "the recipient's email address is invalid",
  invalid_message: 'the message is invalid',
  recipient_refused: 'the SMTP server rejected the recipient',
  message_refused: 'the SMTP server rejected the message',
  sender_refused: 'the SMTP server rejected the sender',
  login_failed: 'the SMTP server rejected the login',
  connection_failed: 'the connection to the SMTP server failed',
  timeout: 'the SMTP server timed out',
  closed: 'the mailer was closed',
  send_failed: 'the mail could not be sent',
};

/**
 * A mail that was not, or may not have been, delivered. `permanent`: a retry will fail too.
 * The message has fixed text and codes only: it is stored in histories and logs and must not contain an address, a
 * password or the text of the server's reply, which may repeat the address.
 */
export class MailError extends Error {
  override readonly name = 'MailError';
  constructor(
    readonly code: MailErrorCode,
    readonly permanent: boolean,
    detail?: string,
  ) {
    super(detail === undefined ? MESSAGES[code] : `${MESSAGES[code]} (${detail})`);
  }
}

/** The used fields of nodemailer's error. */
interface NodemailerError {
  code?: string | undefined;
  originalCode?: string | undefined;
  command?: string | undefined;
  response?: string | undefined;
  responseCode?: number | undefined;
}

/** Authentication replies that servers may send after RCPT TO (RFC 4954). */
const AUTH_REPLY_CODES = new Set([530, 534, 535, 538]);

/** The leading codes of a reply (`550 5.1.1`), without its text. */
const parseReplyCodes = (reply: string): string | undefined =>
  /^\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3}(?!\S))?/.exec(reply)?.[0].replace('-', ' ');

/** Checks the shape: `instanceof Error` is false across realms, for example under jest. */
const isNodemailerError = (error: unknown): error is NodemailerError =>
  typeof error === 'object' && error !== null;

/** Classifies a failed send. Unknown errors are temporary: a needless retry is better than a lost mail. */
export function toMailError(error: unknown): MailError {
  if (error instanceof MailError) return error;
  if (!isNodemailerError(error)) return new MailError('send_failed', false);
  const { code, command, responseCode, response } = error;
  if (responseCode === undefined) return toMailErrorWithoutReply(code, error.originalCode);
  const reply = parseReplyCodes(response ?? '') ?? String(responseCode);
  if (code === 'EAUTH' || AUTH_REPLY_CODES.has(responseCode))
    return new MailError('login_failed', false, reply);
  // 503 reports a bad command sequence, not a rejected mail.
  const permanent = responseCode >= 500 && responseCode !== 503;
  if (code === 'EENVELOPE' && command === 'RCPT TO') {
    return new MailError('recipient_refused', permanent, reply);
  }
  // A rejected sender is a configuration error; retries succeed after it is fixed.
  if (code === 'EENVELOPE' && command === 'MAIL FROM') return new MailError('sender_refused', false, reply);
  if (code === 'EMESSAGE' || code === 'EENVELOPE') return new MailError('message_refused', permanent, reply);
  return new MailError('connection_failed', false, reply);
}

function toMailErrorWithoutReply(code: string | undefined, originalCode: string | undefined): MailError {
  const detail = originalCode ?? code;
  switch (code) {
    case 'EENVELOPE':
      return new MailError('invalid_address', true);
    case 'EMESSAGE':
      return new MailError('message_refused', true, 'larger than the SMTP server accepts');
    case 'EAUTH':
    case 'ENOAUTH':
      return new MailError('login_failed', false, detail);
    case 'ETIMEDOUT':
    case 'EABORT':
      return new MailError('timeout', false);
    case 'ECONNECTION':
    case 'ESOCKET':
    case 'EDNS':
    case 'ETLS':
    case 'EPROTOCOL':
      return new MailError('connection_failed', false, detail);
    default:
      return new MailError('send_failed', false, detail);
  }
}
