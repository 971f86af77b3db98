import { Op } from 'sequelize';
import type { Database, Tx } from '../core/connect';
import { forShare, forUpdate, insertRows, selectRows } from '../core/sql';
import type { OrderContact, Profile } from './models';

export type { Address, OrderContact, Profile } from './models';

export interface Contacts {
  /** @param newId the id of the customer if it has to be created. @param email lower case. */
  findOrCreateCustomer(email: string, newId: string, atMs: number, tx: Tx): Promise<string>;
  findProfile(customerId: string): Promise<Profile | null>;
  findProfiles(customerIds: readonly string[]): Promise<Profile[]>;
  findProfileByEmail(email: string): Promise<Profile | null>;
  /** By id, which is unrelated to the time of creation. */
  listProfiles(page: { afterId?: string; limit: number }): Promise<Profile[]>;
  /** Leaves undefined fields unchanged. */
  updateProfile(
    customerId: string,
    changes: { name?: string | null; phone?: string | null },
    tx: Tx,
  ): Promise<void>;
  addOrderContact(contact: OrderContact, tx: Tx): Promise<void>;
  findByOrder(orderId: string): Promise<OrderContact | null>;
  findByOrders(orderIds: readonly string[]): Promise<OrderContact[]>;
  /** Whether it is erased; the answer holds for the rest of the transaction. */
  isErased(orderId: string, tx: Tx): Promise<boolean>;
}

export function createContacts(db: Database): Contacts {
  const { profiles, orderContacts } = db.models;
  return {
    async findOrCreateCustomer(email, newId, createdAtMs, tx) {
      // Locked, so that the customer is not erased before the order contact is written.
      const [known] = await selectRows(db, profiles, `WHERE email = :email${forUpdate(db)}`, { email }, tx);
      if (known !== undefined) return known.customerId;
      await insertRows(db, profiles, [{ customerId: newId, email, createdAtMs }], { tx });
      return newId;
    },

    findProfile: (customerId) => profiles.findOne({ where: { customerId } }),

    findProfiles: (customerIds) =>
      selectRows(db, profiles, 'WHERE customer_id IN (:customerIds)', { customerIds }),

    findProfileByEmail: (email) => profiles.findOne({ where: { email } }),

    listProfiles: ({ afterId = '', limit }) =>
      profiles.findAll({ where: { customerId: { [Op.gt]: afterId } }, order: ['customerId'], limit }),

    async updateProfile(customerId, { name, phone }, transaction) {
      const changes = { ...(name === undefined ? {} : { name }), ...(phone === undefined ? {} : { phone }) };
      if (Object.keys(changes).length === 0) return;
      await profiles.update(changes, { where: { customerId }, transaction });
    },

    addOrderContact: (contact, tx) => insertRows(db, orderContacts, [contact], { tx }),

    async findByOrder(orderId) {
      const [contact] = await selectRows(db, orderContacts, 'WHERE order_id = :orderId', { orderId });
      return contact ?? null;
    },

    findByOrders: (orderIds) => selectRows(db, orderContacts, 'WHERE order_id IN (:orderIds)', { orderIds }),

    async isErased(orderId, tx) {
      const clauses = `WHERE order_id = :orderId${forShare(db)}`;
      const [contact] = await selectRows(db, orderContacts, clauses, { orderId }, tx);
      return contact !== undefined && contact.erasedAtMs !== null;
    },
  };
}
