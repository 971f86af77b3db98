import type { Database, Tx } from '../core/connect';
import { execute } from '../core/sql';
import type { Address, CustomerAddress } from './models';

export type { CustomerAddress } from './models';

/** One address of a customer is the default for each use, as long as the customer has any. */
export type AddressUse = 'shipping' | 'billing';

export interface Addresses {
  /** Oldest first; at most `MAX_ADDRESSES`. */
  findByCustomer(customerId: string, tx?: Tx): Promise<CustomerAddress[]>;
  add(address: CustomerAddress, tx: Tx): Promise<void>;
  replace(id: string, address: Address, tx: Tx): Promise<void>;
  remove(id: string, tx: Tx): Promise<void>;
  setDefault(customerId: string, id: string, use: AddressUse, tx: Tx): Promise<void>;
}

export const MAX_ADDRESSES = 50;

const DEFAULT_COLUMNS: Record<AddressUse, string> = {
  shipping: 'default_shipping',
  billing: 'default_billing',
};

export function createAddresses(db: Database): Addresses {
  const { addresses } = db.models;
  return {
    async findByCustomer(customerId, transaction) {
      const limit = MAX_ADDRESSES;
      const rows = await addresses.findAll({ where: { customerId }, order: ['id'], limit, transaction });
      return rows.sort((a, b) => a.createdAtMs - b.createdAtMs);
    },

    async add(address, transaction) {
      await addresses.create(address, { transaction });
    },

    async replace(id, address, transaction) {
      await addresses.update({ address }, { where: { id }, transaction });
    },

    async remove(id, transaction) {
      await addresses.destroy({ where: { id }, transaction });
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
