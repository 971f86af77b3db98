import type { Database, Tx } from '../core/connect';
import { execute, insert, limit, select } from '../core/sql';

/** A registration that waits for its address to be confirmed, found by the token that does so. */
export interface PendingRegistration {
  tokenId: string;
  email: string;
  name: string | null;
  passwordHash: string;
  expiresAtMs: number;
}

/** Several may wait for one address: whoever confirms it has the say, not whoever came first. */
export interface Registrations {
  add(registration: PendingRegistration, tx: Tx): Promise<void>;
  find(tokenId: string, tx?: Tx): Promise<PendingRegistration | null>;
  remove(tokenId: string, tx: Tx): Promise<void>;
  /** Of an address, or of a person that is to be forgotten. */
  removeByEmail(email: string, tx: Tx): Promise<void>;
  /** Deletes some of those whose time is over. */
  removeExpired(nowMs: number, rows: number, tx: Tx): Promise<void>;
}

export function createRegistrations(db: Database): Registrations {
  return {
    add: (registration, tx) =>
      insert(
        db,
        'pending_registrations',
        [
          {
            token_id: registration.tokenId,
            email: registration.email,
            name: registration.name,
            password_hash: registration.passwordHash,
            expires_at_ms: registration.expiresAtMs,
          },
        ],
        { tx },
      ),

    async find(tokenId, tx) {
      const [row] = await select<PendingRegistration>(
        db,
        `SELECT token_id AS tokenId, email, name, password_hash AS passwordHash, expires_at_ms AS expiresAtMs
         FROM pending_registrations WHERE token_id = :tokenId`,
        { tokenId },
        tx,
      );
      return row ?? null;
    },

    async remove(tokenId, tx) {
      await execute(db, 'DELETE FROM pending_registrations WHERE token_id = :tokenId', { tokenId }, tx);
    },

    async removeByEmail(email, tx) {
      await execute(db, 'DELETE FROM pending_registrations WHERE email = :email', { email }, tx);
    },

    async removeExpired(nowMs, rows, tx) {
      const expired = await select<{ tokenId: string }>(
        db,
        `SELECT token_id AS tokenId FROM pending_registrations WHERE expires_at_ms < :nowMs
         ORDER BY expires_at_ms, token_id${limit(rows)}`,
        { nowMs },
        tx,
      );
      if (expired.length === 0) return;
      await execute(
        db,
        'DELETE FROM pending_registrations WHERE token_id IN (:ids)',
        { ids: expired.map(({ tokenId }) => tokenId).toSorted() },
        tx,
      );
    },
  };
}
