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

/** A server of its own: how much it may keep prepared counts for all who use it. */
const describeOnMariaDb = findMariaDb() === undefined ? describe.skip : describe;

describeOnMariaDb('a server without room for prepared statements', () => {
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

  test('is sent them unprepared: orders are opened, and read as they are', async () => {
    const { createOrder } = createOrderActivities(store);
    const orders = Array.from({ length: 8 }, (_, n) =>
      newOrder([
        ['walnut-desk', 1],
        ['desk-lamp', n + 1],
      ]),
    );
    const opened = await Promise.all(orders.map((order) => createOrder({ order, reserve: true })));
    expect(opened.map(({ outcome }) => outcome)).toEqual(orders.map(() => 'recorded'));
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
  ])('is sent values that arrive as they are: %j', async (text) => {
    const kept = Array.from({ length: 30 }, (_, n) => `SELECT :text AS text, ${n} AS n, :number AS number`);
    const found = await Promise.all(
      kept.map((sql) => select<{ text: string }>(db, sql, { text, number: Number.MAX_SAFE_INTEGER })),
    );
    expect(new Set(found.flat().map((row) => row.text))).toEqual(new Set([text]));
  });
});
