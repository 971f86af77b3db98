import type { Warehouse } from '../../domain/inventory/warehouse';
import type { Database, Tx } from '../core/connect';
import { execute, forShare, forUpdate, insert, limit, select } from '../core/sql';

export interface Warehouses {
  /** By code, ascending. */
  list(page: { afterCode?: string; limit: number }): Promise<Warehouse[]>;
  find(code: string): Promise<Warehouse | null>;
  /** @param lock for the rest of the transaction: `share` keeps it as it is, `update` is to change it. */
  lock(code: string, lock: 'share' | 'update', tx: Tx): Promise<Warehouse | null>;
  /** @throws an error that `isDuplicate` when there is one with that code. */
  add(warehouse: Warehouse, tx: Tx): Promise<void>;
  update(warehouse: Warehouse, tx: Tx): Promise<void>;
  /** Products that have a stock row there, by sku, ascending. */
  listSkus(code: string, afterSku: string, rows: number, tx: Tx): Promise<string[]>;
}

type Row = Omit<Warehouse, 'active'> & { active: number };

const COLUMNS = 'code, name, country, active, version';
const toWarehouse = (row: Row): Warehouse => ({ ...row, active: row.active === 1 });

export function createWarehouses(db: Database): Warehouses {
  return {
    async list({ afterCode = '', limit: rows }) {
      const found = await select<Row>(
        db,
        `SELECT ${COLUMNS} FROM warehouses WHERE code > :afterCode ORDER BY code${limit(rows)}`,
        { afterCode },
      );
      return found.map(toWarehouse);
    },

    async find(code) {
      const [row] = await select<Row>(db, `SELECT ${COLUMNS} FROM warehouses WHERE code = :code`, { code });
      return row === undefined ? null : toWarehouse(row);
    },

    async lock(code, lock, tx) {
      const locking = lock === 'update' ? forUpdate(db) : forShare(db);
      const [row] = await select<Row>(
        db,
        `SELECT ${COLUMNS} FROM warehouses WHERE code = :code${locking}`,
        { code },
        tx,
      );
      return row === undefined ? null : toWarehouse(row);
    },

    add: ({ code, name, country, active, version }, tx) =>
      insert(db, 'warehouses', [{ code, name, country, active, version }], { tx }),

    async update({ code, name, country, active, version }, tx) {
      await execute(
        db,
        `UPDATE warehouses SET name = :name, country = :country, active = :active, version = :version
         WHERE code = :code`,
        { code, name, country, active, version },
        tx,
      );
    },

    async listSkus(code, afterSku, rows, tx) {
      const found = await select<{ sku: string }>(
        db,
        `SELECT sku FROM stock WHERE warehouse = :code AND sku > :afterSku ORDER BY sku${limit(rows)}`,
        { code, afterSku },
        tx,
      );
      return found.map(({ sku }) => sku);
    },
  };
}
