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
   * Sends all unsettled notifications. A message whose result is unknown is sent again with the same Message-ID.
   * @throws ApplicationFailure (retryable) while some are unsent.
   */
  sendNotifications(ids: string[]): Promise<void>;
  /** Marks all unsettled notifications as failed. */
  markNotificationsFailed(ids: string[], reason: string): Promise<void>;
}

export interface NotificationOptions extends Omit<AccountMailOptions, 'now'> {
  /** Domain of the Message-IDs. */
  mailDomain: string;
  /** Email addresses that receive stock alerts. */
  staffAddresses?: readonly string[];
  /** Limit of emails an hour to one address about rejected orders of unverified senders; 0: no limit. */
  unverifiedMailsPerHour?: number;
  now?: () => number;
}

/** Longer than an attempt to send one message. */
const CLAIM_MS = 60_000;
/** Errors of the server, not of the message: the rest of the batch would fail, too. */
const UNREACHABLE_CODES = new Set(['connection_failed', 'timeout', 'login_failed', 'closed']);

export function createNotificationActivities(
  store: Store,
  mailer: Mailer,
  {
    mailDomain,
    staffAddresses = [],
    unverifiedMailsPerHour = 0,
    now = Date.now,
    ...options
  }: NotificationOptions,
): NotificationActivities {
  const { db, notifications, log } = store;
  const composers: Record<NotificationKind, MailComposer> = {
    ...createOrderMailComposers(store, { shopName: options.shopName, unverifiedMailsPerHour }),
    ...createAccountMailComposers(store, { ...options, now }),
    ...createInventoryMailComposers(store, { shopName: options.shopName, staffAddresses }),
  };

  const settle = (n: Notification, error: string | null): Promise<void> =>
    db.write(async (tx) => {
      const state = error === null ? 'sent' : 'failed';
      const head = await log.lockHead(n.id, tx);
      const atMs = now();
      if (!(await notifications.recordResult(n.id, { state, error, atMs }, tx))) return;
      await log.append(head, [toNotificationEvent(n, error, atMs)], tx);
    });

  /** @returns whether the notification is settled: sent or failed. */
  const send = async (id: string): Promise<boolean> => {
    const n = await notifications.find(id);
    if (n === null || n.state === 'sent' || n.state === 'failed') return true;
    if (!(await notifications.claim(id, now(), CLAIM_MS))) return false;
    const mail = await composers[n.kind](n);
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
      let unsent = 0;
      let lastError = 'claimed by another worker';
      for (const [n, id] of ids.entries()) {
        try {
          if (!(await send(id))) unsent += 1;
        } catch (error) {
          if (!(error instanceof MailError)) throw error;
          unsent += 1;
          lastError = error.code;
          if (UNREACHABLE_CODES.has(error.code)) {
            unsent += ids.length - n - 1;
            break;
          }
        }
        heartbeat();
      }
      if (unsent > 0) {
        throw ApplicationFailure.retryable(
          `${unsent} of ${ids.length} messages are unsent: ${lastError}`,
          'MailDeferred',
        );
      }
    },

    async markNotificationsFailed(ids, reason) {
      for (const id of ids) {
        const n = await notifications.find(id);
        if (n !== null) await settle(n, reason);
      }
    },
  };
}

const toNotificationEvent = (n: Notification, error: string | null, atMs: number): DomainEvent => ({
  key: eventKey(n.id, error === null ? 'sent' : 'failed'),
  type: error === null ? 'NotificationSent' : 'NotificationFailed',
  stream: n.id,
  // The order's history must not reveal the customer's preferences, nor that an account exists.
  subject: error === 'opted_out' ? n.id : n.subject,
  actor: { kind: 'system' },
  atMs,
  data: { notificationId: n.id, kind: n.kind, channel: n.channel, ...(error === null ? {} : { error }) },
});
