import { Op } from 'sequelize';
import type { Database, Tx } from '../core/connect';
import { removeExpiredRows } from './expired-rows';
import type { OneTimeToken, TokenPurpose } from './models';

export type { OneTimeToken, TokenPurpose } from './models';

export interface OneTimeTokens {
  add(token: Omit<OneTimeToken, 'usedAtMs'>, tx: Tx): Promise<void>;
  find(id: string): Promise<OneTimeToken | null>;
  /** Marks it used: one of several concurrent calls succeeds. @returns its subject, or null when it is not usable. */
  consume(id: string, purpose: TokenPurpose, nowMs: number, tx: Tx): Promise<string | null>;
  removeBySubject(subject: string, tx: Tx): Promise<void>;
  /** Deletes at most `rows` expired ones. */
  removeExpired(nowMs: number, rows: number, tx: Tx): Promise<void>;
}

export function createOneTimeTokens({ models: { oneTimeTokens } }: Database): OneTimeTokens {
  return {
    async add(token, transaction) {
      await oneTimeTokens.create(token, { transaction });
    },

    find: (id) => oneTimeTokens.findOne({ where: { id } }),

    async consume(id, purpose, nowMs, transaction) {
      const where = { id, purpose, usedAtMs: null, expiresAtMs: { [Op.gte]: nowMs } };
      const [used] = await oneTimeTokens.update({ usedAtMs: nowMs }, { where, transaction });
      if (used === 0) return null;
      const token = await oneTimeTokens.findOne({ where: { id }, transaction });
      return token?.subject ?? null;
    },

    async removeBySubject(subject, transaction) {
      await oneTimeTokens.destroy({ where: { subject }, transaction });
    },

    removeExpired: (nowMs, rows, tx) => removeExpiredRows(oneTimeTokens, 'id', nowMs, rows, tx),
  };
}
