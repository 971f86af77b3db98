import type { Database } from '../core/connect';
import { execute, insertAndGetId, select } from '../core/sql';

/** Requests counted in windows of time, exactly over all API processes. */
export interface RateLimits {
  /** Counts one more request, in one atomic statement. @returns how many the window has now, including rejected ones. */
  consume(window: RateLimitWindow): Promise<number>;
  removeExpired(nowMs: number): Promise<void>;
}

export interface RateLimitWindow {
  /** At most 64 characters. */
  id: string;
  /** Milliseconds since the epoch. */
  endsAtMs: number;
}

/** MySQL has no RETURNING: `LAST_INSERT_ID(expr)` reports the count in the response to the statement. */
const COUNT = {
  mysql: `INSERT INTO rate_limits (bucket, consumed, ends_at_ms) VALUES (:id, LAST_INSERT_ID(1), :endsAtMs)
          ON DUPLICATE KEY UPDATE consumed = LAST_INSERT_ID(consumed + 1)`,
  sqlite: `INSERT INTO rate_limits (bucket, consumed, ends_at_ms) VALUES (:id, 1, :endsAtMs)
           ON CONFLICT (bucket) DO UPDATE SET consumed = consumed + 1 RETURNING consumed`,
};

export function createRateLimits(db: Database): RateLimits {
  const count =
    db.dialect === 'mysql'
      ? (window: RateLimitWindow) => insertAndGetId(db, COUNT.mysql, { ...window })
      : async (window: RateLimitWindow) => {
          const [row] = await select<{ consumed: number }>(db, COUNT.sqlite, { ...window });
          return row?.consumed ?? 1;
        };
  return {
    consume: (window) => db.writeStatement(() => count(window)),

    async removeExpired(nowMs) {
      await db.writeStatement(() =>
        execute(db, 'DELETE FROM rate_limits WHERE ends_at_ms < :nowMs', { nowMs }),
      );
    },
  };
}
