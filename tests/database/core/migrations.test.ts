import { connect, type Database } from '../../../db/core/connect';
import { createMigrator } from '../../../db/core/migrate';
import { findPendingMigrations } from '../../../db/core/pending-migrations';
import { seed } from '../../../db/core/seed';
import { createDatabase, DIALECTS, type Dialect, type TestDatabase } from '../../harness/servers/databases';
import { queryRows } from '../orders/sample-orders';

const MIGRATIONS = ['001-initial'];

describe.each(DIALECTS)('migrations on %s', (dialect) => {
  let database: TestDatabase;
  let db: Database;
  beforeEach(async () => {
    database = await createDatabase(dialect);
    db = connect({ url: database.url });
  });
  afterEach(async () => {
    await db.close();
    await database.drop();
  });

  test('applies, reverts and applies again with the same schema', async () => {
    const migrations = createMigrator(db);
    // As a waiting process does, before even the table of applied migrations exists.
    expect(await findPendingMigrations(db)).toEqual(MIGRATIONS);
    expect(await migrations.pending()).toEqual(MIGRATIONS);
    expect(await migrations.up()).toEqual(MIGRATIONS);
    expect(await migrations.pending()).toEqual([]);
    expect(await findPendingMigrations(db)).toEqual([]);
    const first = await describeSchema(db, dialect);
    expect(first.length).toBeGreaterThan(15);

    for (const [i, name] of MIGRATIONS.toReversed().entries()) {
      expect(await migrations.down()).toEqual([name]);
      expect(await migrations.pending()).toEqual(MIGRATIONS.slice(MIGRATIONS.length - 1 - i));
    }
    expect(await describeSchema(db, dialect)).toEqual([]);

    expect(await migrations.up()).toEqual(MIGRATIONS);
    expect(await describeSchema(db, dialect)).toEqual(first);
  });

  test('reverts all at once to an empty database and reports each step', async () => {
    const steps: string[] = [];
    const migrations = createMigrator(db, (step) => steps.push(step));
    await migrations.up();
    expect(await migrations.up()).toEqual([]);
    expect(await migrations.down(true)).toEqual(MIGRATIONS.toReversed());
    expect(await describeSchema(db, dialect)).toEqual([]);
    expect(steps).toEqual([
      ...MIGRATIONS.map((name) => `applied ${name}`),
      ...MIGRATIONS.toReversed().map((name) => `reverted ${name}`),
    ]);
  });

  test.each(['up', 'down'] as const)(
    'continues after an interruption at any statement on the way %s',
    async (direction) => {
      const clean = createMigrator(db);
      await clean.up();
      const complete = await describeSchema(db, dialect);
      if (direction === 'up') await clean.down(true);

      const query = db.sequelize.query.bind(db.sequelize);
      const interrupted = new Set<string>();
      for (let killed = true; killed; ) {
        db.sequelize.query = (async (...args: Parameters<typeof query>) => {
          const sql = String(args[0]);
          if (/^(CREATE|ALTER|DROP) (?!TABLE IF)/.test(sql) && !interrupted.has(sql)) {
            interrupted.add(sql);
            throw new Error('killed');
          }
          return query(...args);
        }) as typeof db.sequelize.query;
        const run = direction === 'up' ? createMigrator(db).up() : createMigrator(db).down(true);
        killed = await run.then(
          () => false,
          (error: Error) => {
            if (!error.message.includes('killed')) throw error;
            return true;
          },
        );
      }

      expect(interrupted.size).toBeGreaterThan(30);
      expect(await describeSchema(db, dialect)).toEqual(direction === 'up' ? complete : []);
    },
  );

  test('seeding again leaves the catalogue and stock unchanged, including edited rows', async () => {
    await createMigrator(db).up();
    await seed(db, 1);
    await db.sequelize.query("UPDATE stock SET reserved = 3 WHERE sku = 'walnut-desk' AND warehouse = 'BER'");
    await db.sequelize.query("UPDATE products SET price_minor = 1 WHERE sku = 'oak-desk'");
    await db.sequelize.query("DELETE FROM product_terms WHERE sku = 'oak-desk'");
    const before = await readCatalogue(db);
    await seed(db, 2);
    expect(await readCatalogue(db)).toEqual(before);
    expect(before.products.length).toBeGreaterThan(20);
  });
});

/** Every table, index and trigger, as the database describes them. */
async function describeSchema(db: Database, dialect: Dialect): Promise<unknown[]> {
  if (dialect === 'sqlite') {
    return queryRows(
      db,
      `SELECT type, name, sql FROM sqlite_master
       WHERE name NOT LIKE 'sqlite_%' AND tbl_name <> 'migrations' ORDER BY type, name`,
    );
  }
  const tables = await queryRows(
    db,
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = DATABASE() AND table_name <> 'migrations' ORDER BY table_name`,
  );
  const described: unknown[] = [];
  for (const { name } of tables)
    described.push(...(await queryRows(db, `SHOW CREATE TABLE ${String(name)}`)));
  const triggers = await queryRows(
    db,
    `SELECT trigger_name AS name, event_object_table AS onTable, action_timing AS timing, event_manipulation AS event,
       action_statement AS body FROM information_schema.triggers
     WHERE trigger_schema = DATABASE() ORDER BY trigger_name`,
  );
  return [...described, ...triggers];
}

const readCatalogue = async (db: Database) => ({
  products: await queryRows(db, 'SELECT * FROM products ORDER BY sku'),
  terms: await queryRows(db, 'SELECT * FROM product_terms ORDER BY term, sku'),
  warehouses: await queryRows(db, 'SELECT * FROM warehouses ORDER BY code'),
  stock: await queryRows(db, 'SELECT * FROM stock ORDER BY sku, warehouse'),
  movements: await queryRows(db, 'SELECT * FROM stock_movements ORDER BY id'),
});
