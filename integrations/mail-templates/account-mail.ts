import type { AccountMailKind } from '../../domain/notifications/notification-rules';
import { type MailView, oneLine, type RenderedMail, renderMail, webUrl } from './render';

export interface AccountMailData {
  shopName: string;
  /** Null where the customer has not said it. */
  customerName: string | null;
  /** What the mail lets its reader do, once. */
  link?: { url: string; token: string };
}

interface AccountMailView extends MailView {
  name: string;
  link: { url: string; token: string; label: string; goodFor: string } | null;
}

const SUBJECTS: Record<AccountMailKind, string> = {
  registration_confirm: 'Confirm your address',
  registration_repeated: 'You have an account already',
  password_reset: 'Set a new password',
  password_changed: 'Your password was changed',
};

/** Words on the link, and how long it works. */
const LINKS: Partial<Record<AccountMailKind, { label: string; goodFor: string }>> = {
  registration_confirm: { label: 'Confirm your address', goodFor: '24 hours' },
  password_reset: { label: 'Set a new password', goodFor: 'an hour' },
};

/** Writes a mail about an account. @throws RangeError when the link is not an http(s) URL. */
export function renderAccountMail(kind: AccountMailKind, data: AccountMailData): RenderedMail {
  const words = LINKS[kind];
  const view: AccountMailView = {
    subject: `${SUBJECTS[kind]} (${oneLine(data.shopName)})`,
    shopName: oneLine(data.shopName),
    name: oneLine(data.customerName ?? '') || 'there',
    link:
      data.link === undefined || words === undefined
        ? null
        : { url: webUrl(data.link.url), token: data.link.token, ...words },
  };
  return renderMail(kind, view);
}
