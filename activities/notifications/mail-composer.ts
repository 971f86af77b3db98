import type { Notification } from '../../db/notifications/notifications';
import type { RenderedMail } from '../../integrations/mail-templates/render-mail';
import type { EmailAddress } from '../../integrations/smtp/email-address';

/** A mail that is ready to be sent. */
export interface AddressedMail {
  to: EmailAddress;
  content: RenderedMail;
}

/**
 * Finds out whom a notification goes to and what it says, from what it tells of. Addresses are read here, at the moment
 * of sending, and kept nowhere else.
 * @returns null when there is nobody to tell (any more), `opted_out` when they have said that they do not want it, `rate_limited`
 *   when strangers have had as many sent to them as they may.
 */
export type MailComposer = (
  notification: Notification,
) => Promise<AddressedMail | 'opted_out' | 'rate_limited' | null>;
