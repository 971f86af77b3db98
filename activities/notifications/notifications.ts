import { ApplicationFailure, heartbeat } from '@temporalio/activity';
import type { Store } from '../../db/core/store';
import type { Notification } from '../../db/notifications/notifications';
import type { NotificationKind } from '../../domain/notifications/notification-rules';
import type { DomainEvent } from '../../domain/shared/events';
import { eventKey } from '../../domain/shared/ids';
import { MailError } from '../../integrations/smtp/mail-error';
import { type Mailer, toMessageId } from '../../integrations/smtp/mailer';
import { type AccountMailOptions, createAccountMailComposers } from './account-mail-composers';
import { createInventoryMailComposers } from './inventory-mail-composers';
import type { MailComposer } from './mail-composer';
import { createOrderMailComposers } from './order-mail-composers';

export interface NotificationActivities {
  /**
   * Sends those of the notifications that are not settled. A message whose outcome is unknown goes out again under the
   * same Message-ID.
   * @throws ApplicationFailure (retryable) while some could not be sent.
   */
  sendNotifications(ids: string[]): Promise<void>;
  /** Counts those that are not settled as failed. */
  markNotificationsFailed(ids: string[], why: string): Promise<void>;
}

export interface NotificationOptions extends Omit<AccountMailOptions, 'now'> {
  /** Domain of the Message-IDs. */
  mailDomain: string;
  /** Addresses of those who are told of stock. */
  staffAddresses?: readonly string[];
  /** Mails about orders that came to nothing which strangers may have sent to an address, an hour; 0: as many as they like. */
  unverifiedMailsPerHour?: number;
  now?: () => number;
}

/** Longer than any attempt to send one message takes. */
const CLAIM_MS = 60_000;
/** The server, not the message: the rest of the batch would fare no better. */
const UNREACHABLE_CODES = new Set(['connection_failed', 'timeout', 'login_failed', 'closed']);

export function createNotificationActivities(
  store: Store,
  mailer: Mailer,
  {
    mailDomain,
    staffAddresses = [],
    unverifiedMailsPerHour = 0,
    now = Date.now,
    ...words
  }: NotificationOptions,
): NotificationActivities {
  const { db, notifications, log } = store;
  /** How each kind of mail is read; one line for each family of them. */
  const mails: Record<NotificationKind, MailComposer> = {
    ...createOrderMailComposers(store, { shopName: words.shopName, unverifiedMailsPerHour }),
    ...createAccountMailComposers(store, { ...words, now }),
    ...createInventoryMailComposers(store, { shopName: words.shopName, staffAddresses }),
  };

  const settle = (n: Notification, error: string | null): Promise<void> =>
    db.write(async (tx) => {
      const state = error === null ? 'sent' : 'failed';
      const head = await log.lockHead(n.id, tx);
      const atMs = now();
      if (!(await notifications.recordResult(n.id, { state, error, atMs }, tx))) return;
      await log.append(head, [toNotificationEvent(n, error, atMs)], tx);
    });

  /** @returns whether the message is settled now, one way or the other. */
  const send = async (id: string): Promise<boolean> => {
    const n = await notifications.find(id);
    if (n === null || n.state === 'sent' || n.state === 'failed') return true;
    if (!(await notifications.claim(id, now(), CLAIM_MS))) return false;
    const mail = await mails[n.kind](n);
    if (mail === null || typeof mail === 'string') {
      await settle(n, mail ?? 'no_recipient');
      return true;
    }
    try {
      await mailer.send({ to: mail.to, ...mail.content, messageId: toMessageId(n.id, mailDomain) });
    } catch (error) {
      if (!(error instanceof MailError)) throw error;
      if (error.permanent) {
        await settle(n, error.code);
        return true;
      }
      await notifications.defer(id, error.code);
      throw error;
    }
    await settle(n, null);
    return true;
  };

  return {
    async sendNotifications(ids) {
      let waiting = 0;
      let last = 'being sent by another worker';
      for (const [n, id] of ids.entries()) {
        try {
          if (!(await send(id))) waiting += 1;
        } catch (error) {
          if (!(error instanceof MailError)) throw error;
          waiting += 1;
          last = error.code;
          if (UNREACHABLE_CODES.has(error.code)) {
            waiting += ids.length - n - 1;
            break;
          }
        }
        heartbeat();
      }
      if (waiting > 0) {
        throw ApplicationFailure.retryable(
          `${waiting} of ${ids.length} messages could not be sent yet: ${last}`,
          'MailDeferred',
        );
      }
    },

    async markNotificationsFailed(ids, why) {
      for (const id of ids) {
        const n = await notifications.find(id);
        if (n !== null) await settle(n, why);
      }
    },
  };
}

const toNotificationEvent = (n: Notification, error: string | null, atMs: number): DomainEvent => ({
  key: eventKey(n.id, error === null ? 'sent' : 'failed'),
  type: error === null ? 'NotificationSent' : 'NotificationFailed',
  stream: n.id,
  // Whoever reads the order's history is not to learn what the customer's account has chosen, nor that there is one.
  subject: error === 'opted_out' ? n.id : n.subject,
  actor: { kind: 'system' },
  atMs,
  data: { notificationId: n.id, kind: n.kind, channel: n.channel, ...(error === null ? {} : { error }) },
});
