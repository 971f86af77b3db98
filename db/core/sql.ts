import type { Database, SqlValue, Tx } from './connect';

export type { SqlValue } from './connect';
/** Values by name (`:sku`); an array stands for the list of an IN. They travel as bound parameters, never as SQL. */
export type Params = Record<string, SqlValue | readonly SqlValue[]>;

const toDriverValue = (value: SqlValue): SqlValue => (typeof value === 'boolean' ? Number(value) : value);

/** Puts the driver's question marks in the places of `:name`. */
function bindParams(sql: string, params: Params): { sql: string; values: SqlValue[] } {
  const values: SqlValue[] = [];
  const place = (value: SqlValue): string => {
    values.push(toDriverValue(value));
    return '?';
  };
  const bound = sql.replace(/:([a-zA-Z]\w*)/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined) throw new Error(`no value for :${name}`);
    // An empty IN list is not SQL; NULL matches nothing.
    if (Array.isArray(value)) return value.length === 0 ? 'NULL' : value.map(place).join(', ');
    return place(value as SqlValue);
  });
  return { sql: bound, values };
}

export function select<Row extends object>(
  db: Database,
  sql: string,
  params: Params = {},
  tx?: Tx,
): Promise<Row[]> {
  const query = bindParams(sql, params);
  return db.send(query.sql, query.values, tx).then(({ rows }) => rows as Row[]);
}

/** Runs an UPDATE or DELETE. @returns the number of rows changed (MySQL does not count rows that stayed the same). */
export async function execute(db: Database, sql: string, params: Params = {}, tx?: Tx): Promise<number> {
  const query = bindParams(sql, params);
  return (await db.send(query.sql, query.values, tx)).affectedRows;
}

/** Runs an INSERT on MySQL. @returns the value of `LAST_INSERT_ID()` that it set. */
export async function insertAndGetId(db: Database, sql: string, params: Params): Promise<number> {
  const query = bindParams(sql, params);
  return (await db.send(query.sql, query.values)).insertId ?? 0;
}

/**
 * Inserts rows of one shape in one statement. `ifNew` leaves rows whose key exists as they are; on MySQL that counts as an
 * UPDATE, so it is not for tables that only grow. (`INSERT IGNORE` would also swallow broken CHECKs and cut long values.)
 * `orUpdate` gives rows whose key, the first column, exists the new values of these columns.
 */
export async function insert(
  db: Database,
  table: string,
  rows: readonly Record<string, SqlValue>[],
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
  const row = `(${columns.map(() => '?').join(', ')})`;
  const values = rows.flatMap((of) => columns.map((column) => toDriverValue(of[column] as SqlValue)));
  await db.send(
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${rows.map(() => row).join(', ')}${onConflict}`,
    values,
    tx,
  );
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
