import { type Database, isDuplicate, type Tx } from '../core/connect';
import { execute, forUpdate, insert, limit, select } from '../core/sql';
import type { LogRow } from './event-log';

/** An event with its place in the order of publication. */
export interface FeedEvent extends Pick<LogRow, 'eventKey' | 'type' | 'topic' | 'subject' | 'body' | 'hash'> {
  /** 1, 2, 3, … without gaps. */
  position: number;
}

/**
 * The order of publication. Ids of the log are given when a transaction begins to write, not when it commits, so a
 * reader that remembers the last id it saw would miss the late ones. Here committed events get a position, in
 * transactions that hold the one lease.
 */
export interface Feed {
  /** Takes or keeps the lease. @returns whether this holder has it until `nowMs + forMs`. */
  acquireLease(name: string, holder: string, nowMs: number, forMs: number): Promise<boolean>;
  releaseLease(name: string, holder: string): Promise<void>;
  /** Whether events wait for a position: cheap, takes no lock. */
  hasUnpublishedEvents(): Promise<boolean>;
  /**
   * Gives waiting events their positions, oldest id first. Does nothing when the lease is not the holder's at that moment.
   * @returns how many were published.
   */
  publishBatch(lease: { name: string; holder: string; nowMs: number }, batch: number): Promise<number>;
  findAfter(position: number, rows: number): Promise<FeedEvent[]>;
  /** The position a subscriber has got to; 0 at first. */
  getPosition(subscription: string): Promise<number>;
  advancePosition(subscription: string, position: number, tx: Tx): Promise<void>;
}

/**
 * Takes what has a position behind `:from` out of the outbox, each event by its key. A plain DELETE scans the whole table
 * on MySQL when most of it goes, and then waits at the events of transactions still under way.
 */
const REMOVE_PUBLISHED = {
  mysql: `DELETE o FROM event_feed f STRAIGHT_JOIN event_outbox o ON o.event_id = f.event_id
          WHERE f.position > :from`,
  sqlite:
    'DELETE FROM event_outbox WHERE event_id IN (SELECT event_id FROM event_feed WHERE position > :from)',
};

export function createFeed(db: Database): Feed {
  return {
    acquireLease: (name, holder, nowMs, forMs) =>
      db
        .write(async (tx) => {
          const params = { name, holder, nowMs, expiresAtMs: nowMs + forMs };
          const taken = await execute(
            db,
            `UPDATE leases SET holder = :holder, expires_at_ms = :expiresAtMs
           WHERE name = :name AND (holder = :holder OR expires_at_ms < :nowMs)`,
            params,
            tx,
          );
          if (taken === 1) return true;
          const [row] = await select<{ holder: string }>(
            db,
            'SELECT holder FROM leases WHERE name = :name',
            { name },
            tx,
          );
          if (row !== undefined) return row.holder === holder;
          await insert(db, 'leases', [{ name, holder, expires_at_ms: nowMs + forMs }], { tx });
          return true;
        })
        .catch((error: unknown) => {
          if (isDuplicate(error)) return false;
          throw error;
        }),

    async releaseLease(name, holder) {
      await db.write((tx) =>
        execute(db, 'DELETE FROM leases WHERE name = :name AND holder = :holder', { name, holder }, tx),
      );
    },

    async hasUnpublishedEvents() {
      return (await select(db, 'SELECT event_id FROM event_outbox LIMIT 1')).length > 0;
    },

    publishBatch: ({ name, holder, nowMs }, batch) =>
      db.write(async (tx) => {
        const [lease] = await select<{ expiresAtMs: number }>(
          db,
          `SELECT expires_at_ms AS expiresAtMs FROM leases WHERE name = :name AND holder = :holder${forUpdate(db)}`,
          { name, holder },
          tx,
        );
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
      const [row] = await select<{ position: number }>(
        db,
        'SELECT position FROM subscriptions WHERE name = :subscription',
        { subscription },
      );
      return row?.position ?? 0;
    },

    async advancePosition(subscription, position, tx) {
      const moved = await execute(
        db,
        'UPDATE subscriptions SET position = :position WHERE name = :subscription AND position < :position',
        { subscription, position },
        tx,
      );
      if (moved === 0) {
        await insert(db, 'subscriptions', [{ name: subscription, position }], { tx, ifNew: true });
      }
    },
  };
}
