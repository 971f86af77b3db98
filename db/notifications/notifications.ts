import { groupBy } from '../../domain/shared/group-by';
import { toBatches } from '../core/batches';
import type { Database, Tx } from '../core/connect';
import { execute, forUpdate, insertRows, select, selectRows } from '../core/sql';
import type { Notification } from './models';

export type { Notification } from './models';

/** The result of an attempt to deliver a notification. */
export interface DeliveryResult {
  id: string;
  /** `queued` releases the claim after a temporary failure. */
  state: 'sent' | 'failed' | 'queued';
  error: string | null;
}

export interface Notifications {
  /** Adds one per event, channel and recipient; existing ones stay unchanged. */
  enqueue(
    queued: readonly (Pick<Notification, 'id' | 'subject' | 'eventKey' | 'kind' | 'channel'> &
      Partial<Pick<Notification, 'recipient'>>)[],
    atMs: number,
    tx: Tx,
  ): Promise<void>;
  find(id: string): Promise<Notification | null>;
  findUnsettled(ids: readonly string[]): Promise<Notification[]>;
  /**
   * Claims the sending of those that are neither sent nor failed, for `forMs`, in the order of their events.
   * @returns `unavailable`: how many another worker has claimed.
   */
  claim(
    ids: readonly string[],
    nowMs: number,
    forMs: number,
  ): Promise<{ claimed: Notification[]; unavailable: number }>;
  /** @returns the ids of those without an earlier `sent` or `failed`; the others stay unchanged. */
  recordResults(results: readonly DeliveryResult[], atMs: number, tx: Tx): Promise<Set<string>>;
  findByOrder(orderId: string): Promise<Notification[]>;
}

/** More than an order can cause: a bound in case of a defect. */
const MAX_NOTIFICATIONS_PER_ORDER = 500;

/** Rows are locked in the order of their ids, so that concurrent deliveries of the same notifications wait. */
const UNSETTLED = "WHERE id IN (:ids) AND state IN ('queued', 'sending') ORDER BY id";

export function createNotifications(db: Database): Notifications {
  const { notifications } = db.models;
  return {
    async enqueue(queued, createdAtMs, tx) {
      for (const batch of toBatches(queued)) {
        const rows = batch.map((n) => ({
          ...n,
          recipient: n.recipient ?? 1,
          state: 'queued' as const,
          createdAtMs,
        }));
        await insertRows(db, notifications, rows, { tx, ifNew: true });
      }
    },

    find: (id) => notifications.findOne({ where: { id } }),

    findUnsettled: (ids) => selectRows(db, notifications, UNSETTLED, { ids }),

    claim: (ids, nowMs, forMs) =>
      db.write(async (tx) => {
        const unsettled = await selectRows(db, notifications, `${UNSETTLED}${forUpdate(db)}`, { ids }, tx);
        const claimable = unsettled.filter(
          ({ state, claimedUntilMs }) => state === 'queued' || (claimedUntilMs ?? 0) < nowMs,
        );
        if (claimable.length > 0) {
          await execute(
            db,
            `UPDATE notifications SET state = 'sending', claimed_until_ms = :untilMs, attempts = attempts + 1
             WHERE id IN (:ids)`,
            { ids: claimable.map(({ id }) => id), untilMs: nowMs + forMs },
            tx,
          );
        }
        const byId = new Map(claimable.map((n) => [n.id, n]));
        const claimed = ids.flatMap((id) => byId.get(id) ?? []);
        return { claimed, unavailable: unsettled.length - claimed.length };
      }),

    async recordResults(results, atMs, tx) {
      const ids = results.map(({ id }) => id);
      const unsettled = await select<{ id: string }>(
        db,
        `SELECT id FROM notifications ${UNSETTLED}${forUpdate(db)}`,
        { ids },
        tx,
      );
      const recorded = new Set(unsettled.map(({ id }) => id));
      const open = results.filter(({ id }) => recorded.has(id));
      for (const equal of groupBy(open, ({ state, error }) => `${state} ${error}`).values()) {
        const { state, error } = equal[0] as DeliveryResult;
        await execute(
          db,
          `UPDATE notifications SET state = :state, claimed_until_ms = NULL, last_error = :error, sent_at_ms = :sentAtMs
           WHERE id IN (:ids)`,
          { ids: equal.map(({ id }) => id), state, error, sentAtMs: state === 'sent' ? atMs : null },
          tx,
        );
      }
      return recorded;
    },

    findByOrder: (subject) =>
      notifications.findAll({
        where: { subject },
        order: ['createdAtMs', 'id'],
        limit: MAX_NOTIFICATIONS_PER_ORDER,
      }),
  };
}
