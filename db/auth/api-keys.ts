import { Op } from 'sequelize';
import type { Database, Tx } from '../core/connect';
import { selectRows } from '../core/sql';
import type { ApiKey } from './models';

export type { ApiKey } from './models';

export interface ApiKeys {
  add(key: Omit<ApiKey, 'revokedAtMs'>, tx: Tx): Promise<void>;
  find(id: string): Promise<ApiKey | null>;
  /** Newest first, after `afterId`. */
  list(page: { afterId?: string; limit: number }): Promise<ApiKey[]>;
  /** @returns false when the key does not exist or is already revoked. */
  revoke(id: string, atMs: number, tx: Tx): Promise<boolean>;
}

/** Greater than every id: they are `key_` and capital letters or digits. */
const MAX_ID = 'key_~';

export function createApiKeys(db: Database): ApiKeys {
  const { apiKeys } = db.models;
  return {
    async add(key, transaction) {
      await apiKeys.create(key, { transaction });
    },

    // Prepared, because every request with an API key reads it.
    async find(id) {
      return (await selectRows(db, apiKeys, 'WHERE id = :id', { id }))[0] ?? null;
    },

    list: ({ afterId = MAX_ID, limit }) =>
      apiKeys.findAll({ where: { id: { [Op.lt]: afterId } }, order: [['id', 'DESC']], limit }),

    async revoke(id, revokedAtMs, transaction) {
      const where = { id, revokedAtMs: null };
      const [revoked] = await apiKeys.update({ revokedAtMs }, { where, transaction });
      return revoked === 1;
    },
  };
}
