import type { Database, Tx } from '../core/connect';
import { execute, forUpdate, insert, limit, select } from '../core/sql';

/** A log-in on one device, from when it was opened until it expires or is revoked: then its row is gone. */
export interface Session {
  id: string;
  customerId: string;
  /** How often its refresh token was rotated; the tokens of this generation are the ones to use next. */
  generation: number;
  openedAtMs: number;
  /** When the last rotation was. */
  rotatedAtMs: number;
  /** Hash of the refresh token that made it; null when there was none yet. */
  rotatedBy: string | null;
  expiresAtMs: number;
}

/** What is kept of a refresh token: the hash of it, and when in the life of its session it was given out. */
export interface StoredRefreshToken {
  sessionId: string;
  generation: number;
}

export interface Sessions {
  create(session: Session, tx: Tx): Promise<void>;
  find(id: string, tx?: Tx): Promise<Session | null>;
  /** Locks the row for the rest of the transaction. */
  lock(id: string, tx: Tx): Promise<Session | null>;
  rotate(
    session: Pick<Session, 'id' | 'generation' | 'rotatedAtMs' | 'rotatedBy' | 'expiresAtMs'>,
    tx: Tx,
  ): Promise<void>;
  /** Newest first; `MAX_SESSIONS` at the most. */
  findByCustomer(customerId: string, nowMs: number, tx?: Tx): Promise<Session[]>;
  /** @returns how many there were. */
  remove(ids: readonly string[], tx: Tx): Promise<number>;
  /** Ids of some whose time is over. */
  findExpired(nowMs: number, rows: number, tx: Tx): Promise<string[]>;
  addToken(hash: string, token: StoredRefreshToken, tx: Tx): Promise<void>;
  findToken(hash: string, tx?: Tx): Promise<StoredRefreshToken | null>;
  /** Forgets the tokens of a session before a generation. */
  removeTokens(sessionId: string, beforeGeneration: number, tx: Tx): Promise<void>;
}

/** Devices that one person is logged in on; a further log-in ends the session that was used the longest ago. */
export const MAX_SESSIONS = 50;

const COLUMNS = `id, customer_id AS customerId, generation, opened_at_ms AS openedAtMs,
  rotated_at_ms AS rotatedAtMs, rotated_by AS rotatedBy, expires_at_ms AS expiresAtMs`;

export function createSessions(db: Database): Sessions {
  const one = async (id: string, lock: string, tx?: Tx): Promise<Session | null> => {
    const [row] = await select<Session>(
      db,
      `SELECT ${COLUMNS} FROM sessions WHERE id = :id${lock}`,
      { id },
      tx,
    );
    return row ?? null;
  };

  return {
    create: (session, tx) =>
      insert(
        db,
        'sessions',
        [
          {
            id: session.id,
            customer_id: session.customerId,
            generation: session.generation,
            opened_at_ms: session.openedAtMs,
            rotated_at_ms: session.rotatedAtMs,
            rotated_by: session.rotatedBy,
            expires_at_ms: session.expiresAtMs,
          },
        ],
        { tx },
      ),

    find: (id, tx) => one(id, '', tx),
    lock: (id, tx) => one(id, forUpdate(db), tx),

    async rotate({ id, generation, rotatedAtMs, rotatedBy, expiresAtMs }, tx) {
      await execute(
        db,
        `UPDATE sessions SET generation = :generation, rotated_at_ms = :rotatedAtMs,
           rotated_by = :rotatedBy, expires_at_ms = :expiresAtMs
         WHERE id = :id`,
        { id, generation, rotatedAtMs, rotatedBy, expiresAtMs },
        tx,
      );
    },

    async findByCustomer(customerId, nowMs, tx) {
      const rows = await select<Session>(
        db,
        `SELECT ${COLUMNS} FROM sessions WHERE customer_id = :customerId
         ORDER BY id${limit(MAX_SESSIONS + 1)}`,
        { customerId },
        tx,
      );
      return rows
        .filter((session) => session.expiresAtMs > nowMs)
        .sort((a, b) => b.openedAtMs - a.openedAtMs);
    },

    async remove(ids, tx) {
      if (ids.length === 0) return 0;
      const sorted = ids.toSorted();
      const removed = await execute(db, 'DELETE FROM sessions WHERE id IN (:ids)', { ids: sorted }, tx);
      await execute(db, 'DELETE FROM refresh_tokens WHERE session_id IN (:ids)', { ids: sorted }, tx);
      return removed;
    },

    async findExpired(nowMs, rows, tx) {
      const found = await select<{ id: string }>(
        db,
        `SELECT id FROM sessions WHERE expires_at_ms < :nowMs ORDER BY expires_at_ms, id${limit(rows)}`,
        { nowMs },
        tx,
      );
      return found.map(({ id }) => id);
    },

    addToken: (hash, { sessionId, generation }, tx) =>
      insert(db, 'refresh_tokens', [{ hash, session_id: sessionId, generation }], { tx }),

    async findToken(hash, tx) {
      const [row] = await select<StoredRefreshToken>(
        db,
        'SELECT session_id AS sessionId, generation FROM refresh_tokens WHERE hash = :hash',
        { hash },
        tx,
      );
      return row ?? null;
    },

    async removeTokens(sessionId, beforeGeneration, tx) {
      await execute(
        db,
        'DELETE FROM refresh_tokens WHERE session_id = :sessionId AND generation < :beforeGeneration',
        { sessionId, beforeGeneration },
        tx,
      );
    },
  };
}
