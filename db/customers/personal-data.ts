import type { OrderStatus } from '../../domain/orders/order';
import { minOrderIdAt } from '../../domain/shared/ids';
import type { Database, Tx } from '../core/connect';
import { forUpdate, limit, select, selectRows } from '../core/sql';

/** Erasure of a customer, and the orders that prevent it. */
export interface PersonalData {
  /** Locks the customer's contact for the rest of the transaction. @returns undefined when the customer does not exist. */
  lockCustomer(
    customerId: string,
    tx: Tx,
  ): Promise<{ email: string | null; erasedAtMs: number | null } | undefined>;
  /** At most `rows` orders that need their contact: open ones, and placements since `sinceMs` without an order yet. */
  findOpenOrders(customerId: string, sinceMs: number, rows: number, tx: Tx): Promise<string[]>;
  /** All placements of a customer without an order (yet). */
  findPendingPlacements(customerId: string): Promise<string[]>;
  /** Empties the contacts of the customer and of its orders, and deletes its addresses. */
  erase(customerId: string, atMs: number, tx: Tx): Promise<void>;
}

const CLOSED_STATUSES: OrderStatus[] = ['completed', 'cancelled', 'rejected'];

export function createPersonalData(db: Database): PersonalData {
  const { addresses, orderContacts, profiles } = db.models;
  return {
    async lockCustomer(customerId, tx) {
      const clauses = `WHERE customer_id = :customerId${forUpdate(db)}`;
      return (await selectRows(db, profiles, clauses, { customerId }, tx))[0];
    },

    async findOpenOrders(customerId, sinceMs, rows, tx) {
      const unfinished = await select<{ id: string }>(
        db,
        `SELECT c.order_id AS id FROM order_contacts c LEFT JOIN orders o ON o.id = c.order_id
         WHERE c.customer_id = :customerId
           AND (o.status NOT IN (:closed) OR (o.id IS NULL AND c.order_id >= :since))${limit(rows)}`,
        { customerId, closed: CLOSED_STATUSES, since: minOrderIdAt(sinceMs) },
        tx,
      );
      return unfinished.map(({ id }) => id).sort();
    },

    async findPendingPlacements(customerId) {
      const unfinished = await select<{ id: string }>(
        db,
        `SELECT c.order_id AS id FROM order_contacts c LEFT JOIN orders o ON o.id = c.order_id
         WHERE c.customer_id = :customerId AND o.id IS NULL`,
        { customerId },
      );
      return unfinished.map(({ id }) => id).sort();
    },

    async erase(customerId, erasedAtMs, transaction) {
      const erased = { email: null, name: null, phone: null, erasedAtMs };
      await profiles.update(erased, { where: { customerId }, transaction });
      await orderContacts.update(
        { ...erased, shippingAddress: null },
        { where: { customerId, erasedAtMs: null }, transaction },
      );
      await addresses.destroy({ where: { customerId }, transaction });
    },
  };
}
