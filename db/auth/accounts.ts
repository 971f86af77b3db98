import type { Role } from '../../domain/shared/access';
import type { Database, Tx } from '../core/connect';
import { execute, forUpdate, insert, limit, select } from '../core/sql';

/** The login of a customer. What identifies the person is in their contact row. */
export interface Account {
  customerId: string;
  passwordHash: string;
  role: Role;
  /** Whether news of orders that need nothing done are mailed. */
  orderUpdates: OrderUpdates;
  createdAtMs: number;
}

export type OrderUpdates = 'email' | 'none';

export interface Accounts {
  find(customerId: string, tx?: Tx): Promise<Account | null>;
  /** Roles of those who have an account. */
  findRoles(customerIds: readonly string[]): Promise<Map<string, Role>>;
  /** @param email lower case. */
  findByEmail(email: string): Promise<Account | null>;
  /** @throws an error that `isDuplicate` when the customer has one. */
  create(account: Omit<Account, 'orderUpdates'>, tx: Tx): Promise<void>;
  setPasswordHash(customerId: string, hash: string, tx: Tx): Promise<void>;
  /** @returns false when the password was changed, or hashed anew, in the meantime: that one is left. */
  replacePasswordHash(customerId: string, hashes: { old: string; new: string }): Promise<boolean>;
  setRole(customerId: string, role: Role, tx: Tx): Promise<void>;
  setOrderUpdates(customerId: string, orderUpdates: OrderUpdates, tx: Tx): Promise<void>;
  /** Locks the accounts of a role, two at the most: enough to know whether one is the last. */
  lockByRole(role: Role, tx: Tx): Promise<string[]>;
  remove(customerId: string, tx: Tx): Promise<void>;
}

const COLUMNS = `a.customer_id AS customerId, a.password_hash AS passwordHash, a.role,
  a.order_updates AS orderUpdates, a.created_at_ms AS createdAtMs`;

export function createAccounts(db: Database): Accounts {
  const set = async (column: string, customerId: string, value: string, tx: Tx): Promise<void> => {
    await execute(
      db,
      `UPDATE accounts SET ${column} = :value WHERE customer_id = :customerId`,
      { customerId, value },
      tx,
    );
  };

  return {
    async find(customerId, tx) {
      const [row] = await select<Account>(
        db,
        `SELECT ${COLUMNS} FROM accounts a WHERE a.customer_id = :customerId`,
        { customerId },
        tx,
      );
      return row ?? null;
    },

    async findRoles(customerIds) {
      const rows = await select<{ customerId: string; role: Role }>(
        db,
        'SELECT customer_id AS customerId, role FROM accounts WHERE customer_id IN (:customerIds)',
        { customerIds },
      );
      return new Map(rows.map(({ customerId, role }) => [customerId, role]));
    },

    async findByEmail(email) {
      const [row] = await select<Account>(
        db,
        `SELECT ${COLUMNS} FROM customer_contacts c JOIN accounts a ON a.customer_id = c.customer_id
         WHERE c.email = :email`,
        { email },
      );
      return row ?? null;
    },

    create: (account, tx) =>
      insert(
        db,
        'accounts',
        [
          {
            customer_id: account.customerId,
            password_hash: account.passwordHash,
            role: account.role,
            created_at_ms: account.createdAtMs,
          },
        ],
        { tx },
      ),

    setPasswordHash: (customerId, hash, tx) => set('password_hash', customerId, hash, tx),

    async replacePasswordHash(customerId, hashes) {
      const changed = await db.write((tx) =>
        execute(
          db,
          'UPDATE accounts SET password_hash = :new WHERE customer_id = :customerId AND password_hash = :old',
          { customerId, ...hashes },
          tx,
        ),
      );
      return changed > 0;
    },

    setRole: (customerId, role, tx) => set('role', customerId, role, tx),

    setOrderUpdates: (customerId, orderUpdates, tx) => set('order_updates', customerId, orderUpdates, tx),

    async lockByRole(role, tx) {
      const rows = await select<{ customerId: string }>(
        db,
        `SELECT customer_id AS customerId FROM accounts WHERE role = :role
         ORDER BY customer_id${limit(2)}${forUpdate(db)}`,
        { role },
        tx,
      );
      return rows.map((row) => row.customerId);
    },

    async remove(customerId, tx) {
      await execute(db, 'DELETE FROM accounts WHERE customer_id = :customerId', { customerId }, tx);
    },
  };
}
