import type { OrderStatus } from '../../domain/orders/order';
import { minOrderIdAt } from '../../domain/shared/ids';
import type { Database, Tx } from '../core/connect';
import { execute, forUpdate, limit, select } from '../core/sql';

/** All rows that say who a customer is. */
export interface PersonalData {
  /** Locks the customer's contact for the rest of the transaction. @returns undefined when there is no such customer. */
  lockCustomer(
    customerId: string,
    tx: Tx,
  ): Promise<{ email: string | null; erasedAtMs: number | null } | undefined>;
  /**
   * Orders that still need their contact: open ones, and those claimed since `sinceMs` which are still to be opened.
   * Some of them, `rows` at the most.
   */
  findOpenOrders(customerId: string, sinceMs: number, rows: number, tx: Tx): Promise<string[]>;
  /** All orders of a customer that were claimed and are not opened (yet). */
  findPendingPlacements(customerId: string): Promise<string[]>;
  /** Empties the contacts of the customer and of their orders, and the address book. */
  erase(customerId: string, atMs: number, tx: Tx): Promise<void>;
}

const CLOSED_STATUSES: OrderStatus[] = ['completed', 'cancelled', 'rejected'];

export function createPersonalData(db: Database): PersonalData {
  return {
    async lockCustomer(customerId, tx) {
      const [row] = await select<{ email: string | null; erasedAtMs: number | null }>(
        db,
        `SELECT email, erased_at_ms AS erasedAtMs FROM customer_contacts
         WHERE customer_id = :customerId${forUpdate(db)}`,
        { customerId },
        tx,
      );
      return row;
    },

    async findOpenOrders(customerId, sinceMs, rows, tx) {
      const found = await select<{ id: string }>(
        db,
        `SELECT c.order_id AS id FROM order_contacts c LEFT JOIN orders o ON o.id = c.order_id
         WHERE c.customer_id = :customerId
           AND (o.status NOT IN (:closed) OR (o.id IS NULL AND c.order_id >= :since))${limit(rows)}`,
        { customerId, closed: CLOSED_STATUSES, since: minOrderIdAt(sinceMs) },
        tx,
      );
      return found.map(({ id }) => id).sort();
    },

    async findPendingPlacements(customerId) {
      const found = await select<{ id: string }>(
        db,
        `SELECT c.order_id AS id FROM order_contacts c LEFT JOIN orders o ON o.id = c.order_id
         WHERE c.customer_id = :customerId AND o.id IS NULL`,
        { customerId },
      );
      return found.map(({ id }) => id).sort();
    },

    async erase(customerId, atMs, tx) {
      await execute(
        db,
        `UPDATE customer_contacts SET email = NULL, name = NULL, phone = NULL, erased_at_ms = :atMs
         WHERE customer_id = :customerId`,
        { customerId, atMs },
        tx,
      );
      await execute(
        db,
        `UPDATE order_contacts SET email = NULL, name = NULL, phone = NULL, shipping_address = NULL,
           erased_at_ms = :atMs
         WHERE customer_id = :customerId AND erased_at_ms IS NULL`,
        { customerId, atMs },
        tx,
      );
      await execute(db, 'DELETE FROM customer_addresses WHERE customer_id = :customerId', { customerId }, tx);
    },
  };
}
