import type { Tx } from '../../../db/core/connect';
import type { Table } from '../../../db/core/table';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { queryRows } from '../orders/sample-orders';

interface ColumnDescription {
  table: string;
  column: string;
  nullable: boolean;
  primaryKey: boolean;
  kind: 'number' | 'text';
}

describe.each(DIALECTS)('models on %s', (dialect) => {
  let shop: TestStore;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
  });
  afterAll(() => shop.close());

  const describeModels = (): ColumnDescription[] =>
    Object.values<Pick<Table<never>, 'tableName' | 'getAttributes'>>(shop.db.models).flatMap((model) =>
      Object.entries(model.getAttributes()).map(([name, attribute]) => ({
        table: model.tableName,
        column: attribute.field ?? name,
        nullable: attribute.allowNull === true,
        primaryKey: attribute.primaryKey === true,
        kind: /BIGINT|BOOLEAN/.test((attribute.type as { key: string }).key) ? 'number' : 'text',
      })),
    );

  async function describeSchema(): Promise<ColumnDescription[]> {
    const columns = await queryRows(
      shop.db,
      dialect === 'mysql'
        ? `SELECT table_name AS tbl, column_name AS name, data_type AS type, is_nullable = 'NO' AS required,
             column_key = 'PRI' AS pk
           FROM information_schema.columns WHERE table_schema = DATABASE()`
        : `SELECT m.name AS tbl, c.name AS name, c.type AS type, c."notnull" AS required, c.pk AS pk
           FROM sqlite_master m JOIN pragma_table_info(m.name) c
           WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`,
    );
    return columns
      .filter(({ tbl }) => tbl !== 'migrations')
      .map(({ tbl, name, type, required, pk }) => ({
        table: String(tbl),
        column: String(name),
        // SQLite reports primary keys without NOT NULL as nullable.
        nullable: Number(required) === 0 && Number(pk) === 0,
        primaryKey: Number(pk) > 0,
        kind: /int/i.test(String(type)) ? 'number' : 'text',
      }));
  }

  const byName = (a: ColumnDescription, b: ColumnDescription) =>
    `${a.table}.${a.column}` < `${b.table}.${b.column}` ? -1 : 1;

  test('match the columns, nullability and primary keys of the migrated schema', async () => {
    expect(describeModels().sort(byName)).toEqual((await describeSchema()).sort(byName));
  });

  test('read JSON and flags as values, and plain rows instead of instances', async () => {
    const { db, store } = shop;
    const address = { name: 'Ada', line1: '1', city: 'x', postalCode: '1', country: 'DE' };
    const stored = {
      id: 'adr_1',
      customerId: 'cus_1',
      address,
      defaultShipping: true,
      defaultBilling: false,
      createdAtMs: 1,
    };
    await db.write((tx) => store.addresses.add(stored, tx));
    const [row] = await store.addresses.findByCustomer('cus_1');
    expect(row).toEqual(stored);
    expect(row).not.toHaveProperty('dataValues');
  });

  test('use the transaction: uncommitted rows are visible only inside it, and it ends with the commit', async () => {
    const { db } = shop;
    const find = (tx?: Tx) => db.models.subscriptions.findOne({ where: { name: 'models' }, transaction: tx });
    const tx = await db.write(async (transaction) => {
      await db.models.subscriptions.create({ name: 'models', position: 1 }, { transaction });
      expect(await find(transaction)).toEqual({ name: 'models', position: 1 });
      expect(await find()).toBeNull();
      return transaction;
    });
    expect(await find()).toEqual({ name: 'models', position: 1 });
    await expect(find(tx)).rejects.toThrow('commit has been called on this transaction');
  });
});
