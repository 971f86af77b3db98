import type { NotificationKind } from '../../domain/notifications/notification-rules';
import type { Database, Tx } from '../core/connect';
import { execute, insert, select } from '../core/sql';

export type NotificationState = 'queued' | 'sending' | 'sent' | 'failed';

/** A message to one person over one channel, because of one event. No address is kept here. */
export interface Notification {
  id: string;
  /** What it tells of: an order, an account, a product. Who is told follows from it. */
  subject: string;
  eventKey: string;
  kind: NotificationKind;
  channel: 'email';
  /** Which of those who are told of the event, from 1. */
  recipient: number;
  state: NotificationState;
  attempts: number;
  lastError: string | null;
  createdAtMs: number;
  sentAtMs: number | null;
}

export interface Notifications {
  /** One per event, channel and recipient: those that exist are left as they are. */
  enqueue(
    notifications: readonly (Pick<Notification, 'id' | 'subject' | 'eventKey' | 'kind' | 'channel'> &
      Partial<Pick<Notification, 'recipient'>>)[],
    atMs: number,
    tx: Tx,
  ): Promise<void>;
  find(id: string): Promise<Notification | null>;
  /** Takes the right to send it for `forMs`. @returns false when it is settled or another has that right. */
  claim(id: string, nowMs: number, forMs: number): Promise<boolean>;
  /** Gives the right back after a failure that may pass. */
  defer(id: string, error: string): Promise<void>;
  /** @returns false when it was settled before. */
  recordResult(
    id: string,
    result: { state: 'sent' | 'failed'; error: string | null; atMs: number },
    tx: Tx,
  ): Promise<boolean>;
  findByOrder(orderId: string): Promise<Notification[]>;
}

const COLUMNS = `id, subject, event_key AS eventKey, kind, channel, recipient, state, attempts,
  last_error AS lastError, created_at_ms AS createdAtMs, sent_at_ms AS sentAtMs`;

/** More than one order can cause; the bound is against a runaway. */
const MAX_NOTIFICATIONS_PER_ORDER = 500;

export function createNotifications(db: Database): Notifications {
  return {
    enqueue: (notifications, atMs, tx) =>
      insert(
        db,
        'notifications',
        notifications.map((n) => ({
          id: n.id,
          subject: n.subject,
          event_key: n.eventKey,
          kind: n.kind as string,
          channel: n.channel as string,
          recipient: n.recipient ?? 1,
          state: 'queued',
          created_at_ms: atMs,
        })),
        { tx, ifNew: true },
      ),

    async find(id) {
      const [row] = await select<Notification>(db, `SELECT ${COLUMNS} FROM notifications WHERE id = :id`, {
        id,
      });
      return row ?? null;
    },

    claim: (id, nowMs, forMs) =>
      db.write(async (tx) => {
        const claimed = await execute(
          db,
          `UPDATE notifications SET state = 'sending', claimed_until_ms = :untilMs, attempts = attempts + 1
           WHERE id = :id AND (state = 'queued' OR (state = 'sending' AND claimed_until_ms < :nowMs))`,
          { id, nowMs, untilMs: nowMs + forMs },
          tx,
        );
        return claimed === 1;
      }),

    async defer(id, error) {
      await db.write((tx) =>
        execute(
          db,
          `UPDATE notifications SET state = 'queued', claimed_until_ms = NULL, last_error = :error
           WHERE id = :id AND state = 'sending'`,
          { id, error },
          tx,
        ),
      );
    },

    async recordResult(id, { state, error, atMs }, tx) {
      const settled = await execute(
        db,
        `UPDATE notifications SET state = :state, claimed_until_ms = NULL, last_error = :error, sent_at_ms = :sentAtMs
         WHERE id = :id AND state IN ('queued', 'sending')`,
        { id, state, error, sentAtMs: state === 'sent' ? atMs : null },
        tx,
      );
      return settled === 1;
    },

    findByOrder: (orderId) =>
      select<Notification>(
        db,
        `SELECT ${COLUMNS} FROM notifications WHERE subject = :orderId ORDER BY created_at_ms, id LIMIT ${MAX_NOTIFICATIONS_PER_ORDER}`,
        { orderId },
      ),
  };
}
