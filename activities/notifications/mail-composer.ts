import type { Notification } from '../../db/notifications/notifications';
import type { RenderedMail } from '../../integrations/mail-templates/render-mail';
import type { EmailAddress } from '../../integrations/smtp/email-address';

/** An email with its recipient. */
export interface AddressedMail {
  to: EmailAddress;
  content: RenderedMail;
}

/**
 * An email, or the reason why none is sent: `opted_out` if the customer declined such emails, `rate_limited` if the limit
 * of unverified emails to this address is reached.
 */
export type ComposedMail = AddressedMail | 'no_recipient' | 'opted_out' | 'rate_limited';

/**
 * Composes the emails of notifications, one for each, in their order. Reads the recipients' addresses at the time of
 * sending; they are stored nowhere else.
 */
export type MailComposer = (notifications: readonly Notification[]) => Promise<ComposedMail[]>;

/** Composes rare emails one by one. */
export const composeEach =
  (compose: (notification: Notification) => Promise<ComposedMail>): MailComposer =>
  (notifications) =>
    Promise.all(notifications.map(compose));
