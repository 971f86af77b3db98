import type { Notification } from '../../db/notifications/notifications';
import type { RenderedMail } from '../../integrations/mail-templates/render-mail';
import type { EmailAddress } from '../../integrations/smtp/email-address';

/** An email with its recipient. */
export interface AddressedMail {
  to: EmailAddress;
  content: RenderedMail;
}

/**
 * Composes the email of a notification. Reads the recipient's address at the time of sending; it is stored nowhere else.
 * @returns null without a recipient, `opted_out` if the customer declined such emails, `rate_limited` if the limit of
 *   unverified emails to this address is reached.
 */
export type MailComposer = (
  notification: Notification,
) => Promise<AddressedMail | 'opted_out' | 'rate_limited' | null>;
