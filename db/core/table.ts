import {
  type Attributes,
  type CreationAttributes,
  DataTypes,
  type FindOptions,
  type InferAttributes,
  type InferCreationAttributes,
  type Model,
  type ModelStatic,
  QueryTypes,
  type Sequelize,
  type WhereOptions,
} from 'sequelize';
import type { StatementResult } from './sqlite-driver';
import type { SqlValue, Tx } from './transaction';

/** A row with the methods of Sequelize's instances: `interface AccountModel extends RowModel<AccountModel> { … }`. */
export type RowModel<M extends Model> = Model<InferAttributes<M>, InferCreationAttributes<M>>;

/** Required for writes, so that they run inside `Database.write`. */
interface InTransaction {
  transaction: Tx;
}
type Where<M extends Model> = InTransaction & { where: WhereOptions<Attributes<M>> };
type Find<M extends Model> = Omit<FindOptions<Attributes<M>>, 'transaction'> & {
  transaction?: Tx | undefined;
};

interface TableColumns {
  getAttributes(): Record<
    string,
    { field?: string; type: unknown; allowNull?: boolean; primaryKey?: boolean }
  >;
}

/** The methods of a Sequelize model that repositories use. Reads return plain rows, never model instances. */
export interface Table<M extends Model> extends TableColumns {
  readonly tableName: string;
  findOne(options: Find<M>): Promise<Attributes<M> | null>;
  findAll(options: Find<M>): Promise<Attributes<M>[]>;
  create(row: CreationAttributes<M>, options: InTransaction): Promise<unknown>;
  /** @returns the number of rows changed (MySQL does not count rows that stayed the same). */
  update(changes: Partial<Attributes<M>>, options: Where<M>): Promise<[affectedRows: number]>;
  /** @returns the number of rows deleted. */
  destroy(options: Where<M>): Promise<number>;
}

type ColumnType = typeof STRING | typeof BIGINT | typeof BOOLEAN | typeof JSON_TEXT;
interface Column {
  type: ColumnType;
  primaryKey?: true;
  autoIncrement?: true;
  allowNull?: true;
  /** Without one the name of the attribute in snake case. */
  field?: string;
  defaultValue?: SqlValue;
}

/** Column types of models. JSON is stored as text, BOOLEAN as 0 or 1. */
export const { BIGINT, BOOLEAN, JSON: JSON_TEXT, STRING } = DataTypes;
export const KEY = { type: STRING, primaryKey: true } as const;
export const nullable = (type: ColumnType) => ({ type, allowNull: true }) as const;

/** A column type alone stands for a NOT NULL column. */
export function defineTable<M extends Model>(
  sequelize: Sequelize,
  tableName: string,
  columns: Record<keyof Attributes<M>, Column | ColumnType>,
): Table<M> {
  const attributes = Object.entries<Column | ColumnType>(columns).map(([name, column]) => [
    name,
    { allowNull: false, ...(typeof column === 'function' ? { type: column } : column) },
  ]);
  return sequelize.define(tableName, Object.fromEntries(attributes)) as unknown as Table<M>;
}

const columnLists = new WeakMap<object, Map<string | undefined, string>>();

/** The column list of a SELECT, named like the attributes. */
export function formatColumnList(table: TableColumns, alias?: string): string {
  const lists = columnLists.get(table) ?? new Map<string | undefined, string>();
  columnLists.set(table, lists);
  const known = lists.get(alias);
  if (known !== undefined) return known;
  const list = Object.entries(table.getAttributes())
    .map(([name, { field = name }]) => `${alias === undefined ? '' : `${alias}.`}${field} AS \`${name}\``)
    .join(', ');
  lists.set(alias, list);
  return list;
}

type Codec = [attribute: string, decode: (value: never) => unknown];
const codecs = new WeakMap<object, Codec[]>();

/** Replaces stored JSON and flags by their values, in place. */
export function decodeRow<Row extends object>(table: TableColumns, row: Row): Row {
  let decoders = codecs.get(table);
  if (decoders === undefined) {
    decoders = Object.entries(table.getAttributes()).flatMap(([name, { type }]): Codec[] => {
      if (type instanceof BOOLEAN) return [[name, (value: number) => value === 1]];
      return type instanceof JSON_TEXT ? [[name, (value: string) => JSON.parse(value)]] : [];
    });
    codecs.set(table, decoders);
  }
  const values = row as Record<string, unknown>;
  for (const [name, decode] of decoders) {
    const value = values[name];
    if (value !== null && value !== undefined) values[name] = decode(value as never);
  }
  return row;
}

/** The stored values by column, in the order of the table's definition; undefined attributes are left out. */
export const encodeRow = (table: TableColumns, row: object): Record<string, SqlValue> =>
  Object.fromEntries(
    Object.entries(table.getAttributes()).flatMap(([name, { field = name, type }]) => {
      const value = (row as Record<string, unknown>)[name];
      if (value === undefined) return [];
      const isJson = type instanceof JSON_TEXT && value !== null;
      return [[field, (isJson ? JSON.stringify(value) : value) as SqlValue]];
    }),
  );

/** The parts of Sequelize's query class that its types omit. */
interface ModelQuery {
  readonly connection: object;
  readonly options: { type?: string; plain?: boolean };
  readonly model?: ModelStatic<Model>;
  readonly instance?: Model;
  run(sql: string, parameters?: readonly SqlValue[]): Promise<unknown>;
}
type QueryClass = new (connection: object, sequelize: Sequelize, options: object) => ModelQuery;

/**
 * Sends the queries of models like all other statements: with their timeout, counted, and with errors of the driver.
 * Sequelize puts the values into the text of a SELECT or DELETE, so these are not prepared.
 */
export function routeModelQueries(
  sequelize: Sequelize,
  send: (connection: object, sql: string, values?: readonly SqlValue[]) => Promise<StatementResult>,
): void {
  const { dialect } = sequelize as unknown as { dialect: { Query: QueryClass } };
  dialect.Query = class extends dialect.Query {
    override async run(sql: string, parameters?: readonly SqlValue[]): Promise<unknown> {
      const { model, options } = this;
      if (model === undefined) return super.run(sql, parameters);
      switch (options.type) {
        case QueryTypes.SELECT: {
          const { rows } = await send(this.connection, sql, parameters);
          for (const row of rows) decodeRow(model, row);
          return options.plain ? (rows[0] ?? null) : rows;
        }
        case QueryTypes.BULKUPDATE:
        case QueryTypes.BULKDELETE:
          return (await send(this.connection, sql, parameters)).affectedRows;
        case QueryTypes.INSERT:
          return [this.instance, (await send(this.connection, sql, parameters)).affectedRows];
        default:
          return super.run(sql, parameters);
      }
    }
  };
}
