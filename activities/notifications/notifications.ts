import { ApplicationFailure, heartbeat } from '@temporalio/activity';
import { toBatches } from '../../db/core/batches';
import type { Store } from '../../db/core/store';
import type { DeliveryResult, Notification } from '../../db/notifications/notifications';
import type { NotificationKind } from '../../domain/notifications/notification-rules';
import type { DomainEvent } from '../../domain/shared/events';
import { groupBy } from '../../domain/shared/group-by';
import { eventKey } from '../../domain/shared/ids';
import { toMailError } from '../../integrations/smtp/mail-error';
import { MAX_CONNECTIONS, type Mailer, toMessageId } from '../../integrations/smtp/mailer';
import { type AccountMailOptions, createAccountMailComposers } from './account-mail-composers';
import { createInventoryMailComposers } from './inventory-mail-composers';
import type { ComposedMail, MailComposer } from './mail-composer';
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

/**
 * Notifications that are claimed, composed and recorded together; a power of two (`toBatches`). A process killed between
 * the mail server's reply and the record sends at most this many mails again.
 */
const BATCH_SIZE = 16;
/** A send begins in the first half of its claim and takes less than the other half. */
const CLAIM_MS = 60_000;
/** Errors of the server, not of the message: the rest of the batch would fail, too. */
const UNREACHABLE_CODES: ReadonlySet<string> = new Set([
  'connection_failed',
  'timeout',
  'login_failed',
  'closed',
]);

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

  const settle = async (batch: readonly Notification[], results: readonly TimedResult[]): Promise<void> => {
    if (results.length === 0) return;
    const byId = new Map(batch.map((n) => [n.id, n]));
    await db.write(async (tx) => {
      const recorded = await notifications.recordResults(results, now(), tx);
      const events = results.flatMap(({ id, state, error, atMs }) => {
        const n = byId.get(id);
        return n === undefined || state === 'queued' || !recorded.has(id)
          ? []
          : [toNotificationEvent(n, error, atMs)];
      });
      await log.appendToStreams(events, tx);
    });
  };

  const composeMails = async (batch: readonly Notification[]): Promise<Map<string, ComposedMail>> => {
    const composed = new Map<string, ComposedMail>();
    for (const [compose, group] of groupBy(batch, ({ kind }) => composers[kind])) {
      const mails = await compose(group);
      for (const [i, mail] of mails.entries()) composed.set((group[i] as Notification).id, mail);
    }
    return composed;
  };

  /** Sends the emails of a batch over all connections; those of one subject in the order of their events. */
  const deliver = async (batch: readonly Notification[]): Promise<TimedResult[]> => {
    const sendUntilMs = now() + CLAIM_MS / 2;
    const mails = await composeMails(batch);
    const results: TimedResult[] = [];
    let serverError: string | undefined;

    const send = async ({ id }: Notification): Promise<DeliveryResult> => {
      const mail = mails.get(id) ?? 'no_recipient';
      if (typeof mail === 'string') return { id, state: 'failed', error: mail };
      if (now() > sendUntilMs) serverError ??= 'timeout';
      if (serverError !== undefined) return { id, state: 'queued', error: serverError };
      try {
        await mailer.send({ to: mail.to, ...mail.content, messageId: toMessageId(id, mailDomain) });
        return { id, state: 'sent', error: null };
      } catch (error) {
        const { code, permanent } = toMailError(error);
        if (UNREACHABLE_CODES.has(code)) serverError = code;
        return { id, state: permanent ? 'failed' : 'queued', error: code };
      }
    };
    const subjects = groupBy(batch, ({ subject }) => subject).values();
    const sendSubjects = async () => {
      for (const ofSubject of subjects) {
        let atMs = 0;
        for (const n of ofSubject) {
          const result = await send(n);
          // The history of an order lists its emails by time.
          atMs = Math.max(now(), atMs + 1);
          results.push({ ...result, atMs });
          heartbeat();
        }
      }
    };
    await Promise.all(Array.from({ length: MAX_CONNECTIONS }, sendSubjects));
    return results;
  };

  return {
    async sendNotifications(ids) {
      let unsent = 0;
      let lastError = 'claimed by another worker';
      let remaining = ids.length;
      for (const batchIds of toBatches(ids, BATCH_SIZE)) {
        const { claimed, unavailable } = await notifications.claim(batchIds, now(), CLAIM_MS);
        const results = await deliver(claimed);
        await settle(claimed, results);
        remaining -= batchIds.length;
        const deferred = results.filter(({ state }) => state === 'queued');
        unsent += unavailable + deferred.length;
        lastError = deferred.at(-1)?.error ?? lastError;
        if (deferred.some(({ error }) => UNREACHABLE_CODES.has(error ?? ''))) {
          unsent += remaining;
          break;
        }
      }
      if (unsent > 0) {
        throw ApplicationFailure.retryable(
          `${unsent} of ${ids.length} messages are unsent: ${lastError}`,
          'MailDeferred',
        );
      }
    },

    async markNotificationsFailed(ids, reason) {
      for (const batchIds of toBatches(ids, BATCH_SIZE)) {
        const unsettled = await notifications.findUnsettled(batchIds);
        const results = unsettled.map(({ id }) => ({
          id,
          state: 'failed' as const,
          error: reason,
          atMs: now(),
        }));
        await settle(unsettled, results);
      }
    },
  };
}

type TimedResult = DeliveryResult & { atMs: number };

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
