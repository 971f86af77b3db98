import type { Notification } from '../../db/notifications/notifications';
import type { RenderedMail } from '../../integrations/mail-templates/render';
import type { MailAddress } from '../../integrations/smtp/mail-address';

/** A mail that is ready to be sent. */
export interface AddressedMail {
  to: MailAddress;
  content: RenderedMail;
}

/**
 * Finds out whom a notification goes to and what it says, from what it tells of. Addresses are read here, at the moment
 * of sending, and kept nowhere else.
 * @returns null when there is nobody to tell (any more), `unwanted` when they have said that they do not want it, `too_many`
 *   when strangers have had as many sent to them as they may.
 */
export type ReadMail = (
  notification: Notification,
) => Promise<AddressedMail | 'unwanted' | 'too_many' | null>;
