import { connect, type Database } from '../../../db/core/connect';
import { createMigrator } from '../../../db/core/migrate';
import { findPendingMigrations } from '../../../db/core/pending-migrations';
import { seed } from '../../../db/core/seed';
import { createDatabase, DIALECTS, type Dialect, type TestDatabase } from '../../harness/servers/databases';
import { queryRows } from '../orders/sample-orders';

const MIGRATIONS = [
  '001-orders',
  '002-log',
  '003-reconciliation',
  '004-shipping-method',
  '005-subjects',
  '006-api-keys',
  '007-catalogue',
  '008-inventory',
  '009-identity',
  '010-rate-limits',
  '011-last-rotation',
  '012-warehouse-flag',
];

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

  test('apply in order, revert one by one, and apply again to the same schema', async () => {
    const migrations = createMigrator(db);
    // As a process that waits for its tables asks, while there is not even one that says what is applied.
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

  test('revert all at once, leaving nothing, and tell of each step', async () => {
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
    'killed after any statement on the way %s, go on where they were',
    async (way) => {
      const clean = createMigrator(db);
      await clean.up();
      const whole = await describeSchema(db, dialect);
      if (way === 'up') await clean.down(true);

      const query = db.sequelize.query.bind(db.sequelize);
      const reached = new Set<string>();
      for (let killed = true; killed; ) {
        db.sequelize.query = (async (...args: Parameters<typeof query>) => {
          const sql = String(args[0]);
          if (/^(CREATE|ALTER|DROP) (?!TABLE IF)/.test(sql) && !reached.has(sql)) {
            reached.add(sql);
            throw new Error('killed');
          }
          return query(...args);
        }) as typeof db.sequelize.query;
        const run = way === 'up' ? createMigrator(db).up() : createMigrator(db).down(true);
        killed = await run.then(
          () => false,
          (error: Error) => {
            if (!error.message.includes('killed')) throw error;
            return true;
          },
        );
      }

      expect(reached.size).toBeGreaterThan(40);
      expect(await describeSchema(db, dialect)).toEqual(way === 'up' ? whole : []);
    },
  );

  test('stock of before there was a ledger of movements is its opening balance', async () => {
    const migrations = createMigrator(db);
    await migrations.up();
    await seed(db, 1);
    for (let last = ''; last !== '008-inventory'; ) [last = ''] = await migrations.down();
    await db.sequelize.query(
      "UPDATE stock SET on_hand = 77, reserved = 3 WHERE sku = 'walnut-desk' AND warehouse = 'BER'",
    );

    await migrations.up();

    const unexplained = `SELECT s.sku FROM stock s LEFT JOIN stock_movements m
      ON m.sku = s.sku AND m.warehouse = s.warehouse AND m.on_hand_after = s.on_hand AND m.on_hand_delta = s.on_hand
      WHERE m.id IS NULL OR m.reason <> 'opening' OR s.sku NOT IN (SELECT sku FROM stock_items)`;
    expect(await queryRows(db, unexplained)).toEqual([]);
    const movements = await queryRows(db, 'SELECT * FROM stock_movements');
    expect(movements).toHaveLength((await readCatalogue(db)).stock.length);
    await seed(db, 2);
    expect(await queryRows(db, 'SELECT * FROM stock_movements')).toEqual(movements);
  });

  test('a warehouse that is closed stays closed on the way back', async () => {
    const migrations = createMigrator(db);
    await migrations.up();
    await seed(db, 1);
    await db.sequelize.query("UPDATE warehouses SET active = 0 WHERE code = 'RTM'");
    while ((await migrations.down())[0] !== '012-warehouse-flag');
    const flags = await queryRows(db, 'SELECT DISTINCT warehouse, active FROM stock ORDER BY warehouse');
    expect(flags).toEqual([
      { warehouse: 'BER', active: 1 },
      { warehouse: 'RTM', active: 0 },
    ]);
    await migrations.up();
  });

  test('products of before there was a search are found, and are as old as they were last changed', async () => {
    const migrations = createMigrator(db);
    await migrations.up();
    await seed(db, 5);
    const terms = () => queryRows(db, 'SELECT term, sku FROM product_terms ORDER BY term, sku');
    const before = await terms();
    expect(before.length).toBeGreaterThan(100);
    while ((await migrations.down())[0] !== '007-catalogue');
    await db.sequelize.query("UPDATE products SET updated_at_ms = 7 WHERE sku = 'oak-desk'");
    await migrations.up();
    expect(await terms()).toEqual(before);
    const ages = await queryRows(
      db,
      'SELECT DISTINCT created_at_ms AS age FROM products ORDER BY created_at_ms',
    );
    expect(ages.map(({ age }) => age)).toEqual([5, 7]);
  });

  test('seeding again leaves catalogue and stock as they are, also where they have changed since', async () => {
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

/** Every table, index and trigger of the shop, as the database itself describes them. */
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
});
