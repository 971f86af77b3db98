import type { Tokens } from '../../../api/auth/schemas';
import type { CaughtMessage } from '../../../dev/mail-catcher/message';
import { eventually } from '../../harness/eventually';
import type { HttpResponse } from '../../harness/http/http-client';
import type { System } from '../../harness/servers/system';

const MAIL_TIMEOUT_MS = 40_000;

export const PASSWORD = 'analytical engine';
export const UNAUTHENTICATED = { authorization: '' };
export const toBearerHeader = (token: string) => ({ authorization: `Bearer ${token}` });

/** Sends a POST without credentials. */
export const postUnauthenticated = <T>(
  system: System,
  path: string,
  body: unknown,
): Promise<HttpResponse<T>> => system.request<T>(path, { body, headers: UNAUTHENTICATED });

/** Waits for a mail to `address` whose subject contains `subject`. @returns the newest. */
export const waitForMail = (system: System, address: string, subject: string): Promise<CaughtMessage> =>
  eventually(
    `a mail "${subject}" to ${address}`,
    () => system.mails.listTo(address).find((mail) => mail.subject.includes(subject)),
    MAIL_TIMEOUT_MS,
  );

/** @returns the token of the link in a mail. */
export function extractToken(mail: CaughtMessage): string {
  const token = /#token=(\S+)/.exec(mail.text ?? '')?.[1];
  if (token === undefined) throw new Error(`The mail has no link: ${mail.text}`);
  return token;
}

/** Registers, then confirms with the token of the mail and the password. */
export async function signUp(system: System, email: string, password = PASSWORD): Promise<Tokens> {
  const registration = await postUnauthenticated(system, '/api/auth/register', {
    email,
    password,
    name: 'Ada Byron',
  });
  if (registration.status !== 202) throw new Error(registration.text);
  const token = extractToken(await waitForMail(system, email, 'Confirm your email address'));
  return unwrapTokens(await postUnauthenticated<Tokens>(system, '/api/auth/confirm', { token, password }));
}

export const logIn = async (system: System, email: string, password = PASSWORD): Promise<Tokens> =>
  unwrapTokens(await postUnauthenticated<Tokens>(system, '/api/auth/login', { email, password }));

function unwrapTokens({ status, body, text }: HttpResponse<Tokens>): Tokens {
  if (status !== 200) throw new Error(`${status} ${text}`);
  return body;
}

/** @returns the claims of an access token, without verification. */
export const decodeClaims = (token: string): Record<string, string> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, string>;
