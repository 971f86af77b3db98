import { QueryTypes } from 'sequelize';
import type { Database, Tx } from './connect';

export type Value = string | number | boolean | null;
/** Values by name (`:sku`); an array stands for the list of an IN. They travel as bound parameters, never as SQL. */
export type Params = Record<string, Value | readonly Value[]>;

/** Turns `:name` into the driver's numbered parameters. */
function bind(sql: string, params: Params): { sql: string; values: Value[] } {
  const values: Value[] = [];
  const place = (value: Value): string => {
    values.push(typeof value === 'boolean' ? Number(value) : value);
    return `$${values.length}`;
  };
  const bound = sql.replace(/:([a-zA-Z]\w*)/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined) throw new Error(`no value for :${name}`);
    // An empty IN list is not SQL; NULL matches nothing.
    if (Array.isArray(value)) return value.length === 0 ? 'NULL' : value.map(place).join(', ');
    return place(value as Value);
  });
  return { sql: bound, values };
}

const within = (tx: Tx | undefined) => (tx === undefined ? {} : { transaction: tx });

export function select<Row extends object>(
  db: Database,
  sql: string,
  params: Params = {},
  tx?: Tx,
): Promise<Row[]> {
  const query = bind(sql, params);
  return db.sequelize.query<Row>(query.sql, { bind: query.values, type: QueryTypes.SELECT, ...within(tx) });
}

/** Runs an UPDATE or DELETE. @returns the number of rows changed (MySQL does not count rows that stayed the same). */
export async function execute(db: Database, sql: string, params: Params = {}, tx?: Tx): Promise<number> {
  const query = bind(sql, params);
  const [, affected] = (await db.sequelize.query(query.sql, {
    bind: query.values,
    type: QueryTypes.UPDATE,
    ...within(tx),
  })) as unknown as [undefined, number];
  return affected;
}

/**
 * Inserts rows of one shape in one statement. `ifNew` leaves rows whose key exists as they are; on MySQL that counts as an
 * UPDATE, so it is not for tables that only grow. (`INSERT IGNORE` would also swallow broken CHECKs and cut long values.)
 * `orUpdate` gives rows whose key, the first column, exists the new values of these columns.
 */
export async function insert(
  db: Database,
  table: string,
  rows: readonly Record<string, Value>[],
  { tx, ifNew = false, orUpdate }: { tx?: Tx; ifNew?: boolean; orUpdate?: readonly string[] } = {},
): Promise<void> {
  const first = rows[0];
  if (first === undefined) return;
  const columns = Object.keys(first);
  const key = columns[0];
  const mysql = db.dialect === 'mysql';
  const update = orUpdate?.map((c) => `${c} = ${mysql ? `VALUES(${c})` : `excluded.${c}`}`).join(', ');
  const keep = mysql ? ` ON DUPLICATE KEY UPDATE ${key} = ${key}` : ' ON CONFLICT DO NOTHING';
  const change = mysql
    ? ` ON DUPLICATE KEY UPDATE ${update}`
    : ` ON CONFLICT (${key}) DO UPDATE SET ${update}`;
  const onConflict = orUpdate === undefined ? (ifNew ? keep : '') : change;
  const values = rows.map((_, r) => `(${columns.map((_, c) => `:v${r}_${c}`).join(', ')})`).join(', ');
  const params: Record<string, Value> = {};
  for (const [r, row] of rows.entries()) {
    for (const [c, column] of columns.entries()) params[`v${r}_${c}`] = row[column] as Value;
  }
  const query = bind(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ${values}${onConflict}`, params);
  await db.sequelize.query(query.sql, { bind: query.values, type: QueryTypes.RAW, ...within(tx) });
}

/** A LIMIT for SQL text: MySQL refuses it as a bound parameter of the type its driver sends. */
export function limit(rows: number): string {
  if (!Number.isSafeInteger(rows) || rows < 1) throw new RangeError(`not a row limit: ${rows}`);
  return ` LIMIT ${rows}`;
}

/** `FOR UPDATE` where rows are locked one by one; SQLite's writer has the whole file. */
export const forUpdate = (db: Database): string => (db.dialect === 'mysql' ? ' FOR UPDATE' : '');

/** The same for a row that is to stay as it is while others read it, too. */
export const forShare = (db: Database): string => (db.dialect === 'mysql' ? ' LOCK IN SHARE MODE' : '');
