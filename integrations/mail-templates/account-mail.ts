import type { AccountMailKind } from '../../domain/notifications/notification-rules';
import { type MailTemplateData, type RenderedMail, renderMail, toSingleLine, toWebUrl } from './render-mail';

export interface AccountMailData {
  shopName: string;
  /** Null if the customer has no name on file. */
  customerName: string | null;
  /** A single-use link. */
  link?: { url: string; token: string };
}

interface AccountMailTemplateData extends MailTemplateData {
  name: string;
  link: { url: string; token: string; label: string; validFor: string } | null;
}

const SUBJECTS: Record<AccountMailKind, string> = {
  registration_confirm: 'Confirm your email address',
  duplicate_registration: 'You already have an account',
  password_reset: 'Set a new password',
  password_changed: 'Your password was changed',
};

/** Label and validity of the link. */
const LINKS: Partial<Record<AccountMailKind, { label: string; validFor: string }>> = {
  registration_confirm: { label: 'Confirm your email address', validFor: '24 hours' },
  password_reset: { label: 'Set a new password', validFor: '1 hour' },
};

/** Renders a mail about an account. @throws RangeError if the link is not an http(s) URL. */
export function renderAccountMail(kind: AccountMailKind, data: AccountMailData): RenderedMail {
  const link = LINKS[kind];
  const view: AccountMailTemplateData = {
    subject: `${SUBJECTS[kind]} (${toSingleLine(data.shopName)})`,
    shopName: toSingleLine(data.shopName),
    name: toSingleLine(data.customerName ?? '') || 'there',
    link:
      data.link === undefined || link === undefined
        ? null
        : { url: toWebUrl(data.link.url), token: data.link.token, ...link },
  };
  return renderMail(kind, view);
}
