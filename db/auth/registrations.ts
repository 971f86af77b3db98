import type { Database, Tx } from '../core/connect';
import { removeExpiredRows } from './expired-rows';
import type { PendingRegistration } from './models';

export type { PendingRegistration } from './models';

/** One email address may have several: the confirmed one counts, not the first. */
export interface Registrations {
  add(registration: PendingRegistration, tx: Tx): Promise<void>;
  find(tokenId: string, tx?: Tx): Promise<PendingRegistration | null>;
  remove(tokenId: string, tx: Tx): Promise<void>;
  removeByEmail(email: string, tx: Tx): Promise<void>;
  /** Deletes at most `rows` expired ones. */
  removeExpired(nowMs: number, rows: number, tx: Tx): Promise<void>;
}

export function createRegistrations({ models: { pendingRegistrations } }: Database): Registrations {
  return {
    async add(registration, transaction) {
      await pendingRegistrations.create(registration, { transaction });
    },

    find: (tokenId, transaction) => pendingRegistrations.findOne({ where: { tokenId }, transaction }),

    async remove(tokenId, transaction) {
      await pendingRegistrations.destroy({ where: { tokenId }, transaction });
    },

    async removeByEmail(email, transaction) {
      await pendingRegistrations.destroy({ where: { email }, transaction });
    },

    removeExpired: (nowMs, rows, tx) => removeExpiredRows(pendingRegistrations, 'tokenId', nowMs, rows, tx),
  };
}
