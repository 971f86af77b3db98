import type { Database, Tx } from '../core/connect';
import { execute, insert, limit, select } from '../core/sql';

/** What a token may be used for, and nothing else. */
export type TokenPurpose = 'registration' | 'password_reset';

/** A link that can be followed once. Whoever is shown the row cannot make the link of it. */
export interface OneTimeToken {
  id: string;
  purpose: TokenPurpose;
  /** Whom or what it is for. */
  subject: string;
  expiresAtMs: number;
  usedAtMs: number | null;
}

export interface OneTimeTokens {
  add(token: Omit<OneTimeToken, 'usedAtMs'>, tx: Tx): Promise<void>;
  find(id: string): Promise<OneTimeToken | null>;
  /** Uses it up: of all who try, one succeeds. @returns its subject, or null when it cannot be used (any more). */
  consume(id: string, purpose: TokenPurpose, nowMs: number, tx: Tx): Promise<string | null>;
  removeBySubject(subject: string, tx: Tx): Promise<void>;
  /** Deletes some of those whose time is over. */
  removeExpired(nowMs: number, rows: number, tx: Tx): Promise<void>;
}

export function createOneTimeTokens(db: Database): OneTimeTokens {
  const find = async (id: string, tx?: Tx): Promise<OneTimeToken | null> => {
    const [row] = await select<OneTimeToken>(
      db,
      `SELECT id, purpose, subject, expires_at_ms AS expiresAtMs, used_at_ms AS usedAtMs
       FROM one_time_tokens WHERE id = :id`,
      { id },
      tx,
    );
    return row ?? null;
  };

  return {
    add: (token, tx) =>
      insert(
        db,
        'one_time_tokens',
        [
          {
            id: token.id,
            purpose: token.purpose as string,
            subject: token.subject,
            expires_at_ms: token.expiresAtMs,
          },
        ],
        { tx },
      ),

    find: (id) => find(id),

    async consume(id, purpose, nowMs, tx) {
      const used = await execute(
        db,
        `UPDATE one_time_tokens SET used_at_ms = :nowMs
         WHERE id = :id AND purpose = :purpose AND used_at_ms IS NULL AND expires_at_ms >= :nowMs`,
        { id, purpose, nowMs },
        tx,
      );
      return used === 1 ? ((await find(id, tx))?.subject ?? null) : null;
    },

    async removeBySubject(subject, tx) {
      await execute(db, 'DELETE FROM one_time_tokens WHERE subject = :subject', { subject }, tx);
    },

    async removeExpired(nowMs, rows, tx) {
      const expired = await select<{ id: string }>(
        db,
        `SELECT id FROM one_time_tokens WHERE expires_at_ms < :nowMs ORDER BY expires_at_ms, id${limit(rows)}`,
        { nowMs },
        tx,
      );
      if (expired.length === 0) return;
      await execute(
        db,
        'DELETE FROM one_time_tokens WHERE id IN (:ids)',
        { ids: expired.map(({ id }) => id).toSorted() },
        tx,
      );
    },
  };
}
