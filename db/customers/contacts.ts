import type { Database, Tx } from '../core/connect';
import { execute, forShare, forUpdate, insert, limit, select } from '../core/sql';

export interface Address {
  name: string;
  line1: string;
  line2?: string | undefined;
  city: string;
  region?: string | undefined;
  postalCode: string;
  /** ISO 3166-1 alpha-2. */
  country: string;
}

/** The person behind an order: all the personal data there is of it. Fields are null once erased. */
export interface OrderContact {
  orderId: string;
  customerId: string;
  email: string | null;
  name: string | null;
  phone: string | null;
  shippingAddress: Address | null;
}

/** What a customer says of themselves. Fields are null where it was never said, or was erased. */
export interface Profile {
  customerId: string;
  email: string | null;
  name: string | null;
  phone: string | null;
  createdAtMs: number;
  erasedAtMs: number | null;
}

export interface Contacts {
  /** The customer with this address of mail (lower case), made if new: `newId` is used then. */
  findOrCreateCustomer(email: string, newId: string, atMs: number, tx: Tx): Promise<string>;
  findProfile(customerId: string): Promise<Profile | null>;
  findProfileByEmail(email: string): Promise<Profile | null>;
  /** By id, which says nothing of when they came. */
  listProfiles(page: { afterId?: string; limit: number }): Promise<Profile[]>;
  /** Changes what is given and leaves the rest. */
  updateProfile(
    customerId: string,
    changes: { name?: string | null; phone?: string | null },
    tx: Tx,
  ): Promise<void>;
  addOrderContact(contact: OrderContact, tx: Tx): Promise<void>;
  findByOrder(orderId: string): Promise<OrderContact | null>;
  /** Whether it is empty, and stays as it is for the rest of the transaction. */
  isErased(orderId: string, tx: Tx): Promise<boolean>;
}

type Row = Omit<OrderContact, 'shippingAddress'> & { shippingAddress: string | null };

const SELECT_PROFILE = `SELECT customer_id AS customerId, email, name, phone, created_at_ms AS createdAtMs,
  erased_at_ms AS erasedAtMs FROM customer_contacts`;

export function createContacts(db: Database): Contacts {
  const idByEmail = async (email: string, tx: Tx): Promise<string | undefined> => {
    const [row] = await select<{ customerId: string }>(
      db,
      // Locked: the customer is not erased between this and what is written for them.
      `SELECT customer_id AS customerId FROM customer_contacts WHERE email = :email${forUpdate(db)}`,
      { email },
      tx,
    );
    return row?.customerId;
  };

  return {
    async findOrCreateCustomer(email, newId, atMs, tx) {
      const known = await idByEmail(email, tx);
      if (known !== undefined) return known;
      await insert(db, 'customer_contacts', [{ customer_id: newId, email, created_at_ms: atMs }], { tx });
      return newId;
    },

    async findProfile(customerId) {
      const [row] = await select<Profile>(db, `${SELECT_PROFILE} WHERE customer_id = :customerId`, {
        customerId,
      });
      return row ?? null;
    },

    async findProfileByEmail(email) {
      const [row] = await select<Profile>(db, `${SELECT_PROFILE} WHERE email = :email`, { email });
      return row ?? null;
    },

    listProfiles: ({ afterId = '', limit: rows }) =>
      select<Profile>(
        db,
        `${SELECT_PROFILE} WHERE customer_id > :afterId ORDER BY customer_id${limit(rows)}`,
        {
          afterId,
        },
      ),

    async updateProfile(customerId, changes, tx) {
      const columns = (['name', 'phone'] as const)
        .filter((column) => changes[column] !== undefined)
        .map((column) => `${column} = :${column}`);
      if (columns.length === 0) return;
      await execute(
        db,
        `UPDATE customer_contacts SET ${columns.join(', ')} WHERE customer_id = :customerId`,
        { customerId, ...changes },
        tx,
      );
    },

    addOrderContact: (contact, tx) =>
      insert(
        db,
        'order_contacts',
        [
          {
            order_id: contact.orderId,
            customer_id: contact.customerId,
            email: contact.email,
            name: contact.name,
            phone: contact.phone,
            shipping_address:
              contact.shippingAddress === null ? null : JSON.stringify(contact.shippingAddress),
          },
        ],
        { tx },
      ),

    async findByOrder(orderId) {
      const [row] = await select<Row>(
        db,
        `SELECT order_id AS orderId, customer_id AS customerId, email, name, phone,
           shipping_address AS shippingAddress
         FROM order_contacts WHERE order_id = :orderId`,
        { orderId },
      );
      if (row === undefined) return null;
      return {
        ...row,
        shippingAddress: row.shippingAddress === null ? null : (JSON.parse(row.shippingAddress) as Address),
      };
    },

    async isErased(orderId, tx) {
      const [row] = await select<{ erasedAtMs: number | null }>(
        db,
        `SELECT erased_at_ms AS erasedAtMs FROM order_contacts WHERE order_id = :orderId${forShare(db)}`,
        { orderId },
        tx,
      );
      return row !== undefined && row.erasedAtMs !== null;
    },
  };
}
