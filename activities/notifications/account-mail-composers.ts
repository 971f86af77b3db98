import type { OneTimeToken, TokenPurpose } from '../../db/auth/one-time-tokens';
import type { Store } from '../../db/core/store';
import type { AccountMailKind } from '../../domain/notifications/notification-rules';
import { type AccountMailData, renderAccountMail } from '../../integrations/mail-templates/account-mail';
import type { LinkTokens } from '../../services/auth/tokens/link-tokens';
import type { AddressedMail, MailComposer } from './mail-composer';

export interface AccountMailOptions {
  shopName: string;
  /** Where the pages are that links lead to. */
  shopUrl: string;
  linkTokens: LinkTokens;
  now: () => number;
}

/** The page that makes use of each token. */
const LINK_PAGES: Record<TokenPurpose, string> = {
  registration: 'confirm',
  password_reset: 'reset-password',
};

/** Mails about an account go to its own address, or to the one that is to be confirmed. */
export function createAccountMailComposers(
  { contacts, oneTimeTokens, registrations }: Pick<Store, 'contacts' | 'oneTimeTokens' | 'registrations'>,
  { shopName, shopUrl, linkTokens, now }: AccountMailOptions,
): Record<AccountMailKind, MailComposer> {
  const mail = (
    kind: AccountMailKind,
    person: { email: string | null; name: string | null } | null,
    link: Pick<AccountMailData, 'link'> = {},
  ): AddressedMail | null => {
    if (person?.email == null) return null;
    return {
      to: { name: person.name ?? '', address: person.email },
      content: renderAccountMail(kind, { shopName, customerName: person.name, ...link }),
    };
  };

  const toCustomer =
    (kind: AccountMailKind): MailComposer =>
    async ({ subject: customerId }) =>
      mail(kind, await contacts.findProfile(customerId));

  /** The token is derived here, at the last moment. After the `#` it stays in the browser: no server logs it. */
  const linkOf = ({ id, purpose }: OneTimeToken) => {
    const token = linkTokens.issue(id, purpose);
    return { link: { token, url: `${shopUrl}/${LINK_PAGES[purpose]}#token=${token}` } };
  };

  /** Null when the link would lead nowhere (any more). */
  const usable = async (id: string): Promise<OneTimeToken | null> => {
    const token = await oneTimeTokens.find(id);
    return token === null || token.usedAtMs !== null || token.expiresAtMs < now() ? null : token;
  };

  return {
    registration_confirm: async ({ subject: tokenId }) => {
      const token = await usable(tokenId);
      if (token === null) return null;
      const pending = await registrations.find(tokenId);
      // Without the name: nobody has shown yet that it is not words for somebody else's mailbox.
      return mail('registration_confirm', pending && { email: pending.email, name: null }, linkOf(token));
    },
    password_reset: async ({ subject: tokenId }) => {
      const token = await usable(tokenId);
      if (token === null) return null;
      return mail('password_reset', await contacts.findProfile(token.subject), linkOf(token));
    },
    duplicate_registration: toCustomer('duplicate_registration'),
    password_changed: toCustomer('password_changed'),
  };
}
