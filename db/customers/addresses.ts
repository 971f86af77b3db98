import type { Database, Tx } from '../core/connect';
import { execute, insert, limit, select } from '../core/sql';
import type { Address } from './contacts';

/** An address in a customer's book. */
export interface CustomerAddress {
  id: string;
  customerId: string;
  address: Address;
  defaultShipping: boolean;
  defaultBilling: boolean;
  createdAtMs: number;
}

/** What an address may be the default for: one address each, as long as there are any. */
export type AddressUse = 'shipping' | 'billing';

export interface Addresses {
  /** Oldest first; `MAX_ADDRESSES` at the most. */
  findByCustomer(customerId: string, tx?: Tx): Promise<CustomerAddress[]>;
  add(address: CustomerAddress, tx: Tx): Promise<void>;
  replace(id: string, address: Address, tx: Tx): Promise<void>;
  remove(id: string, tx: Tx): Promise<void>;
  /** Makes it the one that is taken where nothing else is said. */
  setDefault(customerId: string, id: string, use: AddressUse, tx: Tx): Promise<void>;
}

export const MAX_ADDRESSES = 50;

const DEFAULT_COLUMNS: Record<AddressUse, string> = {
  shipping: 'default_shipping',
  billing: 'default_billing',
};

type Row = Omit<CustomerAddress, 'address' | 'defaultShipping' | 'defaultBilling'> & {
  address: string;
  defaultShipping: number;
  defaultBilling: number;
};

export function createAddresses(db: Database): Addresses {
  return {
    async findByCustomer(customerId, tx) {
      const rows = await select<Row>(
        db,
        `SELECT id, customer_id AS customerId, address, default_shipping AS defaultShipping,
           default_billing AS defaultBilling, created_at_ms AS createdAtMs
         FROM customer_addresses WHERE customer_id = :customerId ORDER BY id${limit(MAX_ADDRESSES)}`,
        { customerId },
        tx,
      );
      return rows
        .map((row) => ({
          ...row,
          address: JSON.parse(row.address) as Address,
          defaultShipping: row.defaultShipping === 1,
          defaultBilling: row.defaultBilling === 1,
        }))
        .sort((a, b) => a.createdAtMs - b.createdAtMs);
    },

    add: (address, tx) =>
      insert(
        db,
        'customer_addresses',
        [
          {
            id: address.id,
            customer_id: address.customerId,
            address: JSON.stringify(address.address),
            default_shipping: address.defaultShipping,
            default_billing: address.defaultBilling,
            created_at_ms: address.createdAtMs,
          },
        ],
        { tx },
      ),

    async replace(id, address, tx) {
      await execute(
        db,
        'UPDATE customer_addresses SET address = :address WHERE id = :id',
        { id, address: JSON.stringify(address) },
        tx,
      );
    },

    async remove(id, tx) {
      await execute(db, 'DELETE FROM customer_addresses WHERE id = :id', { id }, tx);
    },

    async setDefault(customerId, id, use, tx) {
      await execute(
        db,
        `UPDATE customer_addresses SET ${DEFAULT_COLUMNS[use]} = CASE WHEN id = :id THEN 1 ELSE 0 END
         WHERE customer_id = :customerId`,
        { id, customerId },
        tx,
      );
    },
  };
}
