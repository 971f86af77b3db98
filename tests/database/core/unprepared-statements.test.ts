import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { createOrderActivities } from '../../../activities/orders';
import { connect, type Database } from '../../../db/core/connect';
import { createMigrator } from '../../../db/core/migrate';
import { seed } from '../../../db/core/seed';
import { select } from '../../../db/core/sql';
import { createStore, type Store } from '../../../db/core/store';
import { TEST_AUDIT_KEY } from '../../harness/servers/databases';
import { findMariaDb, type MariaDb, startMariaDb } from '../../harness/servers/mariadb';
import { newOrder } from '../orders/sample-orders';

/** A separate server: the limit of prepared statements counts for all its clients. */
const describeOnMariaDb = findMariaDb() === undefined ? describe.skip : describe;

describeOnMariaDb('a server at its limit of prepared statements', () => {
  const dir = mkdtempSync(join(tmpdir(), 'unprepared-'));
  let server: MariaDb;
  let db: Database;
  let store: Store;
  beforeAll(async () => {
    server = await startMariaDb({ dir });
    const admin = await createConnection(server.adminUrl);
    await admin.query(
      "SET GLOBAL max_prepared_stmt_count = 20, GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,STRICT_TRANS_TABLES'",
    );
    await admin.end();
    db = connect({ url: await server.createDatabase('orders') });
    await createMigrator(db).up();
    await seed(db, 1);
    store = createStore(db, TEST_AUDIT_KEY);
  });
  afterAll(async () => {
    await db?.close();
    await server?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  test('receives unprepared statements: orders are created and read unchanged', async () => {
    const { createOrder } = createOrderActivities(store);
    const orders = Array.from({ length: 8 }, (_, n) =>
      newOrder([
        ['walnut-desk', 1],
        ['desk-lamp', n + 1],
      ]),
    );
    const results = await Promise.all(orders.map((order) => createOrder({ order, reserve: true })));
    expect(results.map(({ outcome }) => outcome)).toEqual(orders.map(() => 'created'));
    for (const order of orders) expect(await store.orders.find(order.id)).toEqual(order);
  });

  test.each([
    "it's",
    'back\\slash \\\' \\" \\n',
    "\\' OR 1 = 1 -- ",
    '? ?? :sku',
    'nul \u0000 inside',
    '🦊 漢字',
    'line\r\nbreak',
  ])('receives values unchanged: %j', async (text) => {
    const statements = Array.from(
      { length: 30 },
      (_, n) => `SELECT :text AS text, ${n} AS n, :number AS number`,
    );
    const results = await Promise.all(
      statements.map((sql) => select<{ text: string }>(db, sql, { text, number: Number.MAX_SAFE_INTEGER })),
    );
    expect(new Set(results.flat().map((row) => row.text))).toEqual(new Set([text]));
  });
});
