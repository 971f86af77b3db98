import type { Attributes, CreationAttributes, Model } from 'sequelize';
import type { Database, SqlValue, Tx } from './connect';
import { decodeRow, encodeRow, formatColumnList, type Table } from './table';

export type { SqlValue } from './connect';
/** Values by name (`:sku`); an array is the list of an IN. They are sent as bound parameters, never as SQL text. */
export type Params = Record<string, SqlValue | readonly SqlValue[]>;

const toDriverValue = (value: SqlValue): SqlValue => (typeof value === 'boolean' ? Number(value) : value);

const PARAM = /:([a-zA-Z]\w*)/g;
/** Statements of the code; only those with a list or a limit have variants. */
const MAX_TEMPLATES = 2_000;

/** A statement with a placeholder for each name. */
interface Template {
  sql: string;
  names: readonly string[];
}
const templates = new Map<string, Template>();

function toTemplate(sql: string): Template {
  const known = templates.get(sql);
  if (known !== undefined) return known;
  const names: string[] = [];
  const template = {
    sql: sql.replace(PARAM, (_, name: string) => {
      names.push(name);
      return '?';
    }),
    names,
  };
  if (templates.size >= MAX_TEMPLATES) templates.clear();
  templates.set(sql, template);
  return template;
}

/** Replaces each `:name` by the driver's placeholders. */
function bindParams(sql: string, params: Params): { sql: string; values: SqlValue[] } {
  const template = toTemplate(sql);
  const values: SqlValue[] = [];
  for (const name of template.names) {
    const value = params[name];
    if (value === undefined) throw new Error(`no value for :${name}`);
    if (Array.isArray(value)) return bindLists(sql, params);
    values.push(toDriverValue(value as SqlValue));
  }
  return { sql: template.sql, values };
}

/** Each value of a list has a placeholder, so the statement depends on its length. */
function bindLists(sql: string, params: Params): { sql: string; values: SqlValue[] } {
  const values: SqlValue[] = [];
  const addValue = (value: SqlValue): string => {
    values.push(toDriverValue(value));
    return '?';
  };
  const bound = sql.replace(PARAM, (_, name: string) => {
    const value = params[name];
    if (value === undefined) throw new Error(`no value for :${name}`);
    // An empty IN list is not valid SQL; NULL matches nothing.
    if (Array.isArray(value)) return value.length === 0 ? 'NULL' : value.map(addValue).join(', ');
    return addValue(value as SqlValue);
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

/** Reads whole rows of a table with a prepared statement. @param clauses what follows the table's name. */
export async function selectRows<M extends Model>(
  db: Database,
  table: Table<M>,
  clauses: string,
  params: Params = {},
  tx?: Tx,
): Promise<Attributes<M>[]> {
  const sql = `SELECT ${formatColumnList(table)} FROM ${table.tableName} ${clauses}`;
  const rows = await select<Attributes<M>>(db, sql, params, tx);
  return rows.map((row) => decodeRow(table, row));
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

interface InsertOptions {
  tx?: Tx | undefined;
  /** Leaves existing rows unchanged. Not for append-only tables: on MySQL it counts as an UPDATE. */
  ifNew?: boolean;
  /** Columns that an existing row, identified by the first column, gets from the new one. */
  orUpdate?: readonly string[];
}

/** Inserts rows of one shape in one statement. (`INSERT IGNORE` would also ignore violated CHECKs.) */
export async function insert(
  db: Database,
  table: string,
  rows: readonly Record<string, SqlValue>[],
  { tx, ifNew = false, orUpdate }: InsertOptions = {},
): Promise<void> {
  const first = rows[0];
  if (first === undefined) return;
  const columns = Object.keys(first);
  const key = columns[0];
  const mysql = db.dialect === 'mysql';
  const update = orUpdate?.map((c) => `${c} = ${mysql ? `VALUES(${c})` : `excluded.${c}`}`).join(', ');
  const keepRow = mysql ? ` ON DUPLICATE KEY UPDATE ${key} = ${key}` : ' ON CONFLICT DO NOTHING';
  const updateRow = mysql
    ? ` ON DUPLICATE KEY UPDATE ${update}`
    : ` ON CONFLICT (${key}) DO UPDATE SET ${update}`;
  const onConflict = orUpdate === undefined ? (ifNew ? keepRow : '') : updateRow;
  const placeholders = `(${columns.map(() => '?').join(', ')})`;
  const values = rows.flatMap((row) => columns.map((column) => toDriverValue(row[column] as SqlValue)));
  await db.send(
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES ${rows.map(() => placeholders).join(', ')}${onConflict}`,
    values,
    tx,
  );
}

/** Inserts rows of a model with one prepared statement; all have the same attributes. */
export const insertRows = <M extends Model>(
  db: Database,
  table: Table<M>,
  rows: readonly CreationAttributes<M>[],
  options?: InsertOptions,
): Promise<void> =>
  insert(
    db,
    table.tableName,
    rows.map((row) => encodeRow(table, row)),
    options,
  );

/** A LIMIT as SQL text: MySQL rejects it as a bound parameter of the type that its driver sends. */
export function limit(rows: number): string {
  if (!Number.isSafeInteger(rows) || rows < 1) throw new RangeError(`not a row limit: ${rows}`);
  return ` LIMIT ${rows}`;
}

/** `FOR UPDATE` on MySQL; on SQLite the writer has locked the whole database. */
export const forUpdate = (db: Database): string => (db.dialect === 'mysql' ? ' FOR UPDATE' : '');

/** A shared lock: prevents changes of the row, not other reads. */
export const forShare = (db: Database): string => (db.dialect === 'mysql' ? ' LOCK IN SHARE MODE' : '');
