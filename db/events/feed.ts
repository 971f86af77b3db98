import { type Database, isDuplicate, type Tx } from '../core/connect';
import { execute, forUpdate, insert, insertRows, limit, select, selectRows } from '../core/sql';
import type { LogRow } from './event-log';

/** An event with its position in the order of publication. */
export interface FeedEvent extends Pick<LogRow, 'eventKey' | 'type' | 'topic' | 'subject' | 'body' | 'hash'> {
  /** 1, 2, 3, … without gaps. */
  position: number;
}

/**
 * The order of publication. The log assigns ids before commit, so a reader that continues after the last id would skip
 * events of late commits. Here committed events get a position, under a lease.
 */
export interface Feed {
  /** Acquires or renews the lease. @returns whether this holder has it until `nowMs + forMs`. */
  acquireLease(name: string, holder: string, nowMs: number, forMs: number): Promise<boolean>;
  releaseLease(name: string, holder: string): Promise<void>;
  /** Whether events without a position exist: cheap, without a lock. */
  hasUnpublishedEvents(): Promise<boolean>;
  /**
   * Assigns positions to waiting events, oldest id first. Does nothing when the holder has lost the lease.
   * @returns how many were published.
   */
  publishBatch(lease: { name: string; holder: string; nowMs: number }, batch: number): Promise<number>;
  findAfter(position: number, rows: number): Promise<FeedEvent[]>;
  /** The last position that a subscriber has processed; 0 at first. */
  getPosition(subscription: string): Promise<number>;
  advancePosition(subscription: string, position: number, tx: Tx): Promise<void>;
}

/**
 * Deletes the events after position `:from` from the outbox by their keys. A plain DELETE of most rows makes MySQL scan
 * the table, and wait for the rows of open transactions.
 */
const REMOVE_PUBLISHED = {
  mysql: `DELETE o FROM event_feed f STRAIGHT_JOIN event_outbox o ON o.event_id = f.event_id
          WHERE f.position > :from`,
  sqlite:
    'DELETE FROM event_outbox WHERE event_id IN (SELECT event_id FROM event_feed WHERE position > :from)',
};

export function createFeed(db: Database): Feed {
  const { leases, subscriptions } = db.models;
  return {
    acquireLease: (name, holder, nowMs, forMs) =>
      db
        .write(async (tx) => {
          const params = { name, holder, nowMs, expiresAtMs: nowMs + forMs };
          const renewed = await execute(
            db,
            `UPDATE leases SET holder = :holder, expires_at_ms = :expiresAtMs
           WHERE name = :name AND (holder = :holder OR expires_at_ms < :nowMs)`,
            params,
            tx,
          );
          if (renewed === 1) return true;
          const lease = await leases.findOne({ where: { name }, transaction: tx });
          if (lease !== null) return lease.holder === holder;
          await leases.create({ name, holder, expiresAtMs: nowMs + forMs }, { transaction: tx });
          return true;
        })
        .catch((error: unknown) => {
          if (isDuplicate(error)) return false;
          throw error;
        }),

    async releaseLease(name, holder) {
      await db.write((transaction) => leases.destroy({ where: { name, holder }, transaction }));
    },

    async hasUnpublishedEvents() {
      return (await select(db, 'SELECT event_id FROM event_outbox LIMIT 1')).length > 0;
    },

    publishBatch: ({ name, holder, nowMs }, batch) =>
      db.write(async (tx) => {
        const clauses = `WHERE name = :name AND holder = :holder${forUpdate(db)}`;
        const [lease] = await selectRows(db, leases, clauses, { name, holder }, tx);
        if (lease === undefined || lease.expiresAtMs <= nowMs) return 0;
        const waiting = await select<{ id: number }>(
          db,
          `SELECT event_id AS id FROM event_outbox ORDER BY event_id${limit(batch)}`,
          {},
          tx,
        );
        if (waiting.length === 0) return 0;
        const [last] = await select<{ position: number | null }>(
          db,
          'SELECT MAX(position) AS position FROM event_feed',
          {},
          tx,
        );
        const from = last?.position ?? 0;
        await insert(
          db,
          'event_feed',
          waiting.map(({ id }, i) => ({ position: from + i + 1, event_id: id })),
          { tx },
        );
        await execute(db, REMOVE_PUBLISHED[db.dialect], { from }, tx);
        return waiting.length;
      }),

    findAfter: (position, rows) =>
      select<FeedEvent>(
        db,
        `SELECT f.position, e.event_key AS eventKey, e.type, e.topic, e.subject, e.body, e.hash
         FROM event_feed f JOIN events e ON e.id = f.event_id
         WHERE f.position > :position ORDER BY f.position${limit(rows)}`,
        { position },
      ),

    async getPosition(subscription) {
      return (await subscriptions.findOne({ where: { name: subscription } }))?.position ?? 0;
    },

    async advancePosition(subscription, position, tx) {
      const moved = await execute(
        db,
        'UPDATE subscriptions SET position = :position WHERE name = :subscription AND position < :position',
        { subscription, position },
        tx,
      );
      if (moved === 0) {
        await insertRows(db, subscriptions, [{ name: subscription, position }], { tx, ifNew: true });
      }
    },
  };
}
