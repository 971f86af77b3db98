import type { Tokens } from '../../../api/auth/schemas';
import type { CaughtMessage } from '../../../dev/mail-catcher/message';
import { eventually } from '../../harness/eventually';
import type { Answer } from '../../harness/http/http';
import type { System } from '../../harness/servers/system';

const MAIL_TIMEOUT_MS = 40_000;

export const PASSWORD = 'analytical engine';
export const NOBODY = { authorization: '' };
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** A request of somebody who shows no token. */
export const anonymous = <T>(system: System, path: string, body: unknown): Promise<Answer<T>> =>
  system.api<T>(path, { body, headers: NOBODY });

/** The newest mail to an address with that in its subject. */
export const mailTo = (system: System, address: string, subject: string): Promise<CaughtMessage> =>
  eventually(
    `the mail "${subject}" to ${address}`,
    () => system.mails.to(address).find((mail) => mail.subject.includes(subject)),
    MAIL_TIMEOUT_MS,
  );

/** The token of the link in a mail. */
export function tokenIn(mail: CaughtMessage): string {
  const token = /#token=(\S+)/.exec(mail.text ?? '')?.[1];
  if (token === undefined) throw new Error(`no link in ${mail.text}`);
  return token;
}

/** Registers, reads the mail, follows its link with the password. */
export async function signUp(system: System, email: string, password = PASSWORD): Promise<Tokens> {
  const asked = await anonymous(system, '/api/auth/register', { email, password, name: 'Ada Byron' });
  if (asked.status !== 202) throw new Error(asked.text);
  const token = tokenIn(await mailTo(system, email, 'Confirm your address'));
  return tokensOf(await anonymous<Tokens>(system, '/api/auth/confirm', { token, password }));
}

export const logIn = async (system: System, email: string, password = PASSWORD): Promise<Tokens> =>
  tokensOf(await anonymous<Tokens>(system, '/api/auth/login', { email, password }));

function tokensOf({ status, body, text }: Answer<Tokens>): Tokens {
  if (status !== 200) throw new Error(`${status} ${text}`);
  return body;
}

/** What an access token says, unverified. */
export const claimsOf = (token: string): Record<string, string> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, string>;
