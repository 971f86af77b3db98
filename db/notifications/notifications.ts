import type { Database, Tx } from '../core/connect';
import { execute, insertRows } from '../core/sql';
import type { Notification } from './models';

export type { Notification } from './models';

export interface Notifications {
  /** Adds one per event, channel and recipient; existing ones stay unchanged. */
  enqueue(
    queued: readonly (Pick<Notification, 'id' | 'subject' | 'eventKey' | 'kind' | 'channel'> &
      Partial<Pick<Notification, 'recipient'>>)[],
    atMs: number,
    tx: Tx,
  ): Promise<void>;
  find(id: string): Promise<Notification | null>;
  /** Claims the sending for `forMs`. @returns false when it is sent, failed, or claimed by another worker. */
  claim(id: string, nowMs: number, forMs: number): Promise<boolean>;
  /** Releases the claim after a temporary failure. */
  defer(id: string, error: string): Promise<void>;
  /** @returns false when a result is already recorded. */
  recordResult(
    id: string,
    result: { state: 'sent' | 'failed'; error: string | null; atMs: number },
    tx: Tx,
  ): Promise<boolean>;
  findByOrder(orderId: string): Promise<Notification[]>;
}

/** More than an order can cause: a bound in case of a defect. */
const MAX_NOTIFICATIONS_PER_ORDER = 500;

export function createNotifications(db: Database): Notifications {
  const { notifications } = db.models;
  return {
    enqueue: (queued, createdAtMs, tx) =>
      insertRows(
        db,
        notifications,
        queued.map((n) => ({ ...n, recipient: n.recipient ?? 1, state: 'queued', createdAtMs })),
        { tx, ifNew: true },
      ),

    find: (id) => notifications.findOne({ where: { id } }),

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

    findByOrder: (subject) =>
      notifications.findAll({
        where: { subject },
        order: ['createdAtMs', 'id'],
        limit: MAX_NOTIFICATIONS_PER_ORDER,
      }),
  };
}
