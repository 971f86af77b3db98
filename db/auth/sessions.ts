import { Op } from 'sequelize';
import type { Database, Tx } from '../core/connect';
import { selectRows } from '../core/sql';
import { findExpiredKeys } from './expired-rows';
import type { Session, StoredRefreshToken } from './models';

export type { Session, StoredRefreshToken } from './models';

export interface Sessions {
  create(session: Session, tx: Tx): Promise<void>;
  find(id: string, tx?: Tx): Promise<Session | null>;
  /** Locks the row for the rest of the transaction. */
  lock(id: string, tx: Tx): Promise<Session | null>;
  rotate(
    session: Pick<Session, 'id' | 'generation' | 'rotatedAtMs' | 'rotatedBy' | 'expiresAtMs'>,
    tx: Tx,
  ): Promise<void>;
  /** Unexpired ones, newest first; at most `MAX_SESSIONS`, and one more. */
  findByCustomer(customerId: string, nowMs: number, tx?: Tx): Promise<Session[]>;
  /** Deletes the sessions and their refresh tokens. @returns how many sessions existed. */
  remove(ids: readonly string[], tx: Tx): Promise<number>;
  /** At most `rows` ids of expired sessions. */
  findExpired(nowMs: number, rows: number, tx: Tx): Promise<string[]>;
  addToken(hash: string, token: StoredRefreshToken, tx: Tx): Promise<void>;
  findToken(hash: string, tx?: Tx): Promise<StoredRefreshToken | null>;
  /** Removes the tokens of generations before the given one. */
  removeTokens(sessionId: string, beforeGeneration: number, tx: Tx): Promise<void>;
}

/** Of one customer; a further login ends the session that was used the longest ago. */
export const MAX_SESSIONS = 50;

export function createSessions(db: Database): Sessions {
  const { sessions, refreshTokens } = db.models;
  return {
    async create(session, transaction) {
      await sessions.create(session, { transaction });
    },

    // Prepared, because every authenticated request reads its session.
    async find(id, tx) {
      return (await selectRows(db, sessions, 'WHERE id = :id', { id }, tx))[0] ?? null;
    },
    lock: (id, transaction) => sessions.findOne({ where: { id }, lock: true, transaction }),

    async rotate({ id, generation, rotatedAtMs, rotatedBy, expiresAtMs }, transaction) {
      const changes = { generation, rotatedAtMs, rotatedBy, expiresAtMs };
      await sessions.update(changes, { where: { id }, transaction });
    },

    async findByCustomer(customerId, nowMs, transaction) {
      const limit = MAX_SESSIONS + 1;
      const rows = await sessions.findAll({ where: { customerId }, order: ['id'], limit, transaction });
      return rows
        .filter(({ expiresAtMs }) => expiresAtMs > nowMs)
        .sort((a, b) => b.openedAtMs - a.openedAtMs);
    },

    async remove(ids, transaction) {
      if (ids.length === 0) return 0;
      const sorted = ids.toSorted();
      const removed = await sessions.destroy({ where: { id: sorted }, transaction });
      await refreshTokens.destroy({ where: { sessionId: sorted }, transaction });
      return removed;
    },

    findExpired: (nowMs, rows, tx) => findExpiredKeys(sessions, 'id', nowMs, rows, tx),

    async addToken(hash, token, transaction) {
      await refreshTokens.create({ hash, ...token }, { transaction });
    },

    findToken: (hash, transaction) => refreshTokens.findOne({ where: { hash }, transaction }),

    async removeTokens(sessionId, beforeGeneration, transaction) {
      const where = { sessionId, generation: { [Op.lt]: beforeGeneration } };
      await refreshTokens.destroy({ where, transaction });
    },
  };
}
