import type { Scope } from '../../domain/shared/access';
import type { Database, Tx } from '../core/connect';
import { execute, insert, limit, select } from '../core/sql';

/** A key of a machine, without the key. */
export interface ApiKey {
  id: string;
  /** For people: what it is for. */
  name: string;
  /** SHA-256 of the secret part, hexadecimal. The secret has 256 random bits, so nothing slower is needed. */
  secretHash: string;
  scopes: Scope[];
  createdBy: string;
  createdAtMs: number;
  expiresAtMs: number | null;
  revokedAtMs: number | null;
}

export interface ApiKeys {
  add(key: Omit<ApiKey, 'revokedAtMs'>, tx: Tx): Promise<void>;
  find(id: string): Promise<ApiKey | null>;
  /** Newest first, after `afterId`. */
  list(page: { afterId?: string; limit: number }): Promise<ApiKey[]>;
  /** @returns false when it was revoked before, or is not there. */
  revoke(id: string, atMs: number, tx: Tx): Promise<boolean>;
}

type Row = Omit<ApiKey, 'scopes'> & { scopes: string };

const COLUMNS = `id, name, secret_hash AS secretHash, scopes, created_by AS createdBy, created_at_ms AS createdAtMs,
  expires_at_ms AS expiresAtMs, revoked_at_ms AS revokedAtMs`;

/** Behind every id: they begin with `key_` and capital letters or digits. */
const MAX_ID = 'key_~';

export function createApiKeys(db: Database): ApiKeys {
  return {
    add: (key, tx) =>
      insert(
        db,
        'api_keys',
        [
          {
            id: key.id,
            name: key.name,
            secret_hash: key.secretHash,
            scopes: key.scopes.join(' '),
            created_by: key.createdBy,
            created_at_ms: key.createdAtMs,
            expires_at_ms: key.expiresAtMs,
          },
        ],
        { tx },
      ),

    async find(id) {
      const [row] = await select<Row>(db, `SELECT ${COLUMNS} FROM api_keys WHERE id = :id`, { id });
      return row === undefined ? null : fromRow(row);
    },

    async list({ afterId = MAX_ID, limit: rows }) {
      const found = await select<Row>(
        db,
        `SELECT ${COLUMNS} FROM api_keys WHERE id < :afterId ORDER BY id DESC${limit(rows)}`,
        { afterId },
      );
      return found.map(fromRow);
    },

    async revoke(id, atMs, tx) {
      const revoked = await execute(
        db,
        'UPDATE api_keys SET revoked_at_ms = :atMs WHERE id = :id AND revoked_at_ms IS NULL',
        { id, atMs },
        tx,
      );
      return revoked === 1;
    },
  };
}

const fromRow = (row: Row): ApiKey => ({ ...row, scopes: row.scopes.split(' ') as Scope[] });
