import type { Role } from '../../domain/shared/access';
import type { Database, Tx } from '../core/connect';
import { select } from '../core/sql';
import { formatColumnList } from '../core/table';
import type { Account, OrderUpdates } from './models';

export type { Account, OrderUpdates } from './models';

export interface Accounts {
  find(customerId: string, tx?: Tx): Promise<Account | null>;
  /** Those customers who declined optional emails about their orders. */
  findOptedOut(customerIds: readonly string[]): Promise<Set<string>>;
  /** The roles of those customers who have an account. */
  findRoles(customerIds: readonly string[]): Promise<Map<string, Role>>;
  /** @param email lower case. */
  findByEmail(email: string): Promise<Account | null>;
  /** @throws an error that `isDuplicate` when the customer has one. */
  create(account: Omit<Account, 'orderUpdates'>, tx: Tx): Promise<void>;
  setPasswordHash(customerId: string, hash: string, tx: Tx): Promise<void>;
  /** @returns false, without a change, when the stored hash is no longer `hashes.old`. */
  replacePasswordHash(customerId: string, hashes: { old: string; new: string }): Promise<boolean>;
  setRole(customerId: string, role: Role, tx: Tx): Promise<void>;
  setOrderUpdates(customerId: string, orderUpdates: OrderUpdates, tx: Tx): Promise<void>;
  /** Locks at most two accounts of a role: enough to detect the last one. */
  lockByRole(role: Role, tx: Tx): Promise<string[]>;
  remove(customerId: string, tx: Tx): Promise<void>;
}

export function createAccounts(db: Database): Accounts {
  const { accounts } = db.models;
  const update = async (customerId: string, changes: Partial<Account>, transaction: Tx): Promise<void> => {
    await accounts.update(changes, { where: { customerId }, transaction });
  };

  return {
    find: (customerId, transaction) => accounts.findOne({ where: { customerId }, transaction }),

    async findOptedOut(customerIds) {
      const rows = await select<{ customerId: string }>(
        db,
        `SELECT customer_id AS customerId FROM accounts
         WHERE customer_id IN (:customerIds) AND order_updates = 'none'`,
        { customerIds },
      );
      return new Set(rows.map(({ customerId }) => customerId));
    },

    async findRoles(customerIds) {
      const rows = await accounts.findAll({ where: { customerId: customerIds } });
      return new Map(rows.map(({ customerId, role }) => [customerId, role]));
    },

    async findByEmail(email) {
      const [row] = await select<Account>(
        db,
        `SELECT ${formatColumnList(accounts, 'a')} FROM customer_contacts c JOIN accounts a ON a.customer_id = c.customer_id
         WHERE c.email = :email`,
        { email },
      );
      return row ?? null;
    },

    async create(account, transaction) {
      await accounts.create(account, { transaction });
    },

    setPasswordHash: (customerId, passwordHash, tx) => update(customerId, { passwordHash }, tx),

    replacePasswordHash: (customerId, hashes) =>
      db.write(async (transaction) => {
        const where = { customerId, passwordHash: hashes.old };
        const [changed] = await accounts.update({ passwordHash: hashes.new }, { where, transaction });
        return changed > 0;
      }),

    setRole: (customerId, role, tx) => update(customerId, { role }, tx),

    setOrderUpdates: (customerId, orderUpdates, tx) => update(customerId, { orderUpdates }, tx),

    async lockByRole(role, transaction) {
      const order = ['customerId'];
      const rows = await accounts.findAll({ where: { role }, order, limit: 2, lock: true, transaction });
      return rows.map(({ customerId }) => customerId);
    },

    async remove(customerId, transaction) {
      await accounts.destroy({ where: { customerId }, transaction });
    },
  };
}
