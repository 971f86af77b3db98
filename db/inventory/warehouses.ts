import { Op } from 'sequelize';
import type { Warehouse } from '../../domain/inventory/warehouse';
import type { Database, Tx } from '../core/connect';
import { forShare, forUpdate, selectRows } from '../core/sql';

export interface Warehouses {
  /** By code, ascending. */
  list(page: { afterCode?: string; limit: number }): Promise<Warehouse[]>;
  find(code: string): Promise<Warehouse | null>;
  /** @param lock for the rest of the transaction: `share` prevents changes by others, `update` is for changing it. */
  lock(code: string, lock: 'share' | 'update', tx: Tx): Promise<Warehouse | null>;
  /** @throws an error that `isDuplicate` when the code exists. */
  add(warehouse: Warehouse, tx: Tx): Promise<void>;
  update(warehouse: Warehouse, tx: Tx): Promise<void>;
  /** Products with a stock row in the warehouse, by sku, ascending. */
  listSkus(code: string, afterSku: string, rows: number, tx: Tx): Promise<string[]>;
}

export function createWarehouses(db: Database): Warehouses {
  const { stock, warehouses } = db.models;
  return {
    list: ({ afterCode = '', limit }) =>
      warehouses.findAll({ where: { code: { [Op.gt]: afterCode } }, order: ['code'], limit }),

    find: (code) => warehouses.findOne({ where: { code } }),

    async lock(code, lock, tx) {
      const locking = lock === 'update' ? forUpdate(db) : forShare(db);
      const [row] = await selectRows(db, warehouses, `WHERE code = :code${locking}`, { code }, tx);
      return row ?? null;
    },

    async add(warehouse, transaction) {
      await warehouses.create(warehouse, { transaction });
    },

    async update({ code, name, country, active, version }, transaction) {
      await warehouses.update({ name, country, active, version }, { where: { code }, transaction });
    },

    async listSkus(warehouse, afterSku, limit, transaction) {
      const where = { warehouse, sku: { [Op.gt]: afterSku } };
      const rows = await stock.findAll({ attributes: ['sku'], where, order: ['sku'], limit, transaction });
      return rows.map(({ sku }) => sku);
    },
  };
}
