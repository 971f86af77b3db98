import { createOrderActivities } from '../../../activities/orders';
import { connect, type Database, isConnectionLost } from '../../../db/core/connect';
import { select } from '../../../db/core/sql';
import { eventually } from '../../harness/eventually';
import { createTestStore, type TestStore } from '../../harness/servers/databases';
import { findMariaDb } from '../../harness/servers/mariadb';
import { startTcpProxy } from '../../harness/servers/tcp-proxy';
import { createGate } from '../../harness/workflow/gate';
import { newOrder } from '../orders/sample-orders';

const describeOnMariaDb = findMariaDb() === undefined ? describe.skip : describe;

describeOnMariaDb('network partition', () => {
  let shop: TestStore;
  let db: Database;
  beforeAll(async () => {
    shop = await createTestStore('mysql');
    db = shop.db;
  });
  afterAll(() => shop.close());

  /** A database connection that can be frozen. */
  const connectThroughProxy = async (statementTimeoutMs: number) => {
    const { hostname, port } = new URL(shop.url);
    const proxy = await startTcpProxy({ host: hostname, port: Number(port) });
    const url = Object.assign(new URL(shop.url), { port: String(proxy.port) }).href;
    const proxied = connect({ url, statementTimeoutMs });
    const close = async () => {
      await proxy.close();
      await proxied.close();
    };
    return { proxied, proxy, close };
  };

  test('the server closes an idle connection after 60 s, and a lock wait times out after 4 s', async () => {
    const settings = await db.write((tx) =>
      select(db, 'SELECT @@SESSION.wait_timeout AS idle, @@innodb_lock_wait_timeout AS locked', {}, tx),
    );
    expect(settings).toEqual([{ idle: 60, locked: 4 }]);
  });

  test('releases the row locks of a lost client', async () => {
    const { proxied, proxy, close } = await connectThroughProxy(1_000);
    try {
      const gate = createGate();
      let isLocked = false;
      const lost = proxied.write(async (tx) => {
        await select(proxied, "SELECT sku FROM stock_items WHERE sku = 'walnut-desk' FOR UPDATE", {}, tx);
        isLocked = true;
        await gate.opened;
      });
      await eventually('the row is locked', () => isLocked);
      proxy.freeze();
      const order = newOrder([['walnut-desk', 1]]);
      const { createOrder } = createOrderActivities(shop.store);
      expect(await createOrder({ order, reserve: true })).toMatchObject({ outcome: 'created' });
      gate.open();
      await expect(lost).rejects.toMatchObject({ fatal: true });
    } finally {
      await close();
    }
  });

  test('in-flight statements fail, and the pool connects to the replacement host', async () => {
    const { proxied, proxy, close } = await connectThroughProxy(1_000);
    try {
      const sleeping = Array.from({ length: 20 }, (_, n) =>
        select(proxied, 'SELECT SLEEP(:n)', { n: 600 + n }).catch((error: unknown) => error),
      );
      await eventually('all statements run', async () => {
        const rows = await select(
          db,
          "SELECT 1 FROM information_schema.processlist WHERE info LIKE '%SLEEP%'",
        );
        return rows.length > 20;
      });
      proxy.freeze();
      expect((await Promise.all(sleeping)).filter(isConnectionLost)).toHaveLength(20);
      expect(await select(proxied, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      await close();
    }
  });
});
