import { type Attributes, type Model, Op, type WhereOptions } from 'sequelize';
import type { Tx } from '../core/connect';
import type { Table } from '../core/table';

/** Keys of rows that have expired, those of the earliest expiry first. */
export async function findExpiredKeys<M extends Model & { expiresAtMs: number }>(
  table: Table<M>,
  key: keyof Attributes<M> & string,
  nowMs: number,
  limit: number,
  transaction: Tx,
): Promise<string[]> {
  const where = { expiresAtMs: { [Op.lt]: nowMs } } as WhereOptions<Attributes<M>>;
  const order = ['expiresAtMs', key];
  const rows = await table.findAll({ attributes: [key], where, order, limit, transaction });
  return rows.map((row) => row[key] as string);
}

/** Deletes at most `limit` expired rows, locking them in the order of their keys. */
export async function removeExpiredRows<M extends Model & { expiresAtMs: number }>(
  table: Table<M>,
  key: keyof Attributes<M> & string,
  nowMs: number,
  limit: number,
  transaction: Tx,
): Promise<void> {
  const keys = await findExpiredKeys(table, key, nowMs, limit, transaction);
  if (keys.length === 0) return;
  const where = { [key]: keys.toSorted() } as WhereOptions<Attributes<M>>;
  await table.destroy({ where, transaction });
}
