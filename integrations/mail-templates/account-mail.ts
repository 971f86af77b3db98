import type { AccountMailKind } from '../../domain/notifications/notification-rules';
import { type MailTemplateData, type RenderedMail, renderMail, toSingleLine, toWebUrl } from './render-mail';

export interface AccountMailData {
  shopName: string;
  /** Null where the customer has not said it. */
  customerName: string | null;
  /** What the mail lets its reader do, once. */
  link?: { url: string; token: string };
}

interface AccountMailTemplateData extends MailTemplateData {
  name: string;
  link: { url: string; token: string; label: string; validFor: string } | null;
}

const SUBJECTS: Record<AccountMailKind, string> = {
  registration_confirm: 'Confirm your address',
  duplicate_registration: 'You have an account already',
  password_reset: 'Set a new password',
  password_changed: 'Your password was changed',
};

/** Words on the link, and how long it works. */
const LINKS: Partial<Record<AccountMailKind, { label: string; validFor: string }>> = {
  registration_confirm: { label: 'Confirm your address', validFor: '24 hours' },
  password_reset: { label: 'Set a new password', validFor: 'an hour' },
};

/** Writes a mail about an account. @throws RangeError when the link is not an http(s) URL. */
export function renderAccountMail(kind: AccountMailKind, data: AccountMailData): RenderedMail {
  const words = LINKS[kind];
  const view: AccountMailTemplateData = {
    subject: `${SUBJECTS[kind]} (${toSingleLine(data.shopName)})`,
    shopName: toSingleLine(data.shopName),
    name: toSingleLine(data.customerName ?? '') || 'there',
    link:
      data.link === undefined || words === undefined
        ? null
        : { url: toWebUrl(data.link.url), token: data.link.token, ...words },
  };
  return renderMail(kind, view);
}
