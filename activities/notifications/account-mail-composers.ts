import type { OneTimeToken, TokenPurpose } from '../../db/auth/one-time-tokens';
import type { Store } from '../../db/core/store';
import type { AccountMailKind } from '../../domain/notifications/notification-rules';
import { type AccountMailData, renderAccountMail } from '../../integrations/mail-templates/account-mail';
import type { LinkTokens } from '../../services/auth/tokens/link-tokens';
import { type ComposedMail, composeEach, type MailComposer } from './mail-composer';

export interface AccountMailOptions {
  shopName: string;
  /** Base URL of the pages that links open. */
  shopUrl: string;
  linkTokens: LinkTokens;
  now: () => number;
}

/** The page that uses each kind of token. */
const LINK_PAGES: Record<TokenPurpose, string> = {
  registration: 'confirm',
  password_reset: 'reset-password',
};

/** Emails about an account, to its own address or to the address to be confirmed. */
export function createAccountMailComposers(
  { contacts, oneTimeTokens, registrations }: Pick<Store, 'contacts' | 'oneTimeTokens' | 'registrations'>,
  { shopName, shopUrl, linkTokens, now }: AccountMailOptions,
): Record<AccountMailKind, MailComposer> {
  const composeMail = (
    kind: AccountMailKind,
    recipient: { email: string | null; name: string | null } | null,
    link: Pick<AccountMailData, 'link'> = {},
  ): ComposedMail => {
    if (recipient?.email == null) return 'no_recipient';
    return {
      to: { name: recipient.name ?? '', address: recipient.email },
      content: renderAccountMail(kind, { shopName, customerName: recipient.name, ...link }),
    };
  };

  const toCustomer = (kind: AccountMailKind): MailComposer =>
    composeEach(async ({ subject: customerId }) => composeMail(kind, await contacts.findProfile(customerId)));

  /** Derives the token at the time of sending. In the fragment (`#`) it stays in the browser: no server logs it. */
  const toLink = ({ id, purpose }: OneTimeToken) => {
    const token = linkTokens.issue(id, purpose);
    return { link: { token, url: `${shopUrl}/${LINK_PAGES[purpose]}#token=${token}` } };
  };

  /** Null if the token is used, expired or unknown. */
  const findUsableToken = async (id: string): Promise<OneTimeToken | null> => {
    const token = await oneTimeTokens.find(id);
    return token === null || token.usedAtMs !== null || token.expiresAtMs < now() ? null : token;
  };

  return {
    registration_confirm: composeEach(async ({ subject: tokenId }) => {
      const token = await findUsableToken(tokenId);
      if (token === null) return 'no_recipient';
      const pending = await registrations.find(tokenId);
      // Without the name: the address is unverified, and the name could carry a message to another person's mailbox.
      return composeMail(
        'registration_confirm',
        pending && { email: pending.email, name: null },
        toLink(token),
      );
    }),
    password_reset: composeEach(async ({ subject: tokenId }) => {
      const token = await findUsableToken(tokenId);
      if (token === null) return 'no_recipient';
      return composeMail('password_reset', await contacts.findProfile(token.subject), toLink(token));
    }),
    duplicate_registration: toCustomer('duplicate_registration'),
    password_changed: toCustomer('password_changed'),
  };
}
