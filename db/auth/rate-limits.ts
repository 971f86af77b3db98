import type { Database } from '../core/connect';
import { execute, select } from '../core/sql';

/** What may be done in a window of time, shared by all API processes. */
export interface RateLimits {
  /**
   * Hands out `units` of the bucket, or what is left of them up to `limit`: never more in all than that.
   * @returns how many were handed out, and how many are left for others.
   */
  consume(bucket: Bucket, units: number): Promise<{ taken: number; left: number }>;
  /** Removes buckets whose window is over. */
  removeExpired(nowMs: number): Promise<void>;
}

export interface Bucket {
  /** 64 characters at the most. */
  id: string;
  limit: number;
  /** When its window is over, milliseconds since the epoch. */
  endsAtMs: number;
}

const UPSERT = {
  mysql: `INSERT INTO rate_limits (bucket, consumed, ends_at_ms) VALUES (:id, :units, :endsAtMs)
          ON DUPLICATE KEY UPDATE consumed = consumed + :units`,
  sqlite: `INSERT INTO rate_limits (bucket, consumed, ends_at_ms) VALUES (:id, :units, :endsAtMs)
           ON CONFLICT (bucket) DO UPDATE SET consumed = consumed + :units`,
};

export function createRateLimits(db: Database): RateLimits {
  return {
    consume: ({ id, limit, endsAtMs }, units) =>
      db.write(async (tx) => {
        // The row is ours from here to the commit, so what is read behind it is exact.
        await execute(db, UPSERT[db.dialect], { id, units, endsAtMs }, tx);
        const [row] = await select<{ handedOut: number }>(
          db,
          'SELECT consumed AS handedOut FROM rate_limits WHERE bucket = :id',
          { id },
          tx,
        );
        const handedOut = row?.handedOut ?? units;
        const before = handedOut - units;
        return { taken: Math.max(0, Math.min(units, limit - before)), left: Math.max(0, limit - handedOut) };
      }),

    async removeExpired(nowMs) {
      await db.writeStatement(() =>
        execute(db, 'DELETE FROM rate_limits WHERE ends_at_ms < :nowMs', { nowMs }),
      );
    },
  };
}
