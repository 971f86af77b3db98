/**
 * What can go wrong with a mail. `recipient_refused` and `message_refused` are the server's word on this mail,
 * `sender_refused` and `login_failed` its word on us; the rest happened before or without an answer.
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
  invalid_address: "the recipient's address is not a mail address",
  invalid_message: 'the message cannot be sent as it is',
  recipient_refused: 'the mail server refused the recipient',
  message_refused: 'the mail server refused the message',
  sender_refused: 'the mail server refused the sender',
  login_failed: 'the mail server refused the login',
  connection_failed: 'the connection to the mail server failed',
  timeout: 'the mail server did not answer in time',
  closed: 'the mailer was closed',
  send_failed: 'the mail could not be sent',
};

/**
 * A mail that was not, or may not have been, delivered. `permanent`: the same mail will fail again, do not retry.
 * The message is a fixed sentence and codes only. It ends up in workflow histories and logs, so it must never hold
 * an address, a password or the text of the server's answer (which likes to repeat the address).
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

/** The parts of nodemailer's error that are used here. */
interface NodemailerError {
  code?: string | undefined;
  originalCode?: string | undefined;
  command?: string | undefined;
  response?: string | undefined;
  responseCode?: number | undefined;
}

/** Replies that are about our login though they come in answer to a recipient (RFC 4954). */
const AUTH_REPLY_CODES = new Set([530, 534, 535, 538]);

/** `550 5.1.1`: the two codes a reply begins with, without its text. */
const parseReplyCodes = (reply: string): string | undefined =>
  /^\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3}(?!\S))?/.exec(reply)?.[0].replace('-', ' ');

/** By shape: `instanceof Error` is false for an error of another realm, such as Node's own under jest. */
const isNodemailerError = (error: unknown): error is NodemailerError =>
  typeof error === 'object' && error !== null;

/** Reads a failed send. Anything unknown is temporary: a needless retry costs less than a lost mail. */
export function toMailError(error: unknown): MailError {
  if (error instanceof MailError) return error;
  if (!isNodemailerError(error)) return new MailError('send_failed', false);
  const { code, command, responseCode, response } = error;
  if (responseCode === undefined) return toMailErrorWithoutReply(code, error.originalCode);
  const reply = parseReplyCodes(response ?? '') ?? String(responseCode);
  if (code === 'EAUTH' || AUTH_REPLY_CODES.has(responseCode))
    return new MailError('login_failed', false, reply);
  // 503 says that the session was out of step, not that the mail is unwanted.
  const permanent = responseCode >= 500 && responseCode !== 503;
  if (code === 'EENVELOPE' && command === 'RCPT TO') {
    return new MailError('recipient_refused', permanent, reply);
  }
  // A refused sender is a fault of the configuration. It gets repaired, and the mail then goes out.
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
      return new MailError('message_refused', true, 'larger than the mail server allows');
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
