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

describeOnMariaDb('a host that is gone without a word', () => {
  let shop: TestStore;
  let db: Database;
  beforeAll(async () => {
    shop = await createTestStore('mysql');
    db = shop.db;
  });
  afterAll(() => shop.close());

  /** A database whose line can be frozen. */
  const behindProxy = async (statementTimeoutMs: number) => {
    const { hostname, port } = new URL(shop.url);
    const proxy = await startTcpProxy({ host: hostname, port: Number(port) });
    const url = Object.assign(new URL(shop.url), { port: String(proxy.port) }).href;
    const far = connect({ url, statementTimeoutMs });
    const close = async () => {
      await proxy.close();
      await far.close();
    };
    return { far, proxy, close };
  };

  test('is missed after 30 s by a statement, after 60 s by the server, after 4 s by who waits for its row', async () => {
    const settings = await db.write((tx) =>
      select(db, 'SELECT @@SESSION.wait_timeout AS idle, @@innodb_lock_wait_timeout AS locked', {}, tx),
    );
    expect(settings).toEqual([{ idle: 60, locked: 4 }]);
  });

  test('keeps no row locked for long', async () => {
    const { far, proxy, close } = await behindProxy(1_000);
    try {
      const held = createGate();
      let holds = false;
      const lost = far.write(async (tx) => {
        await select(far, "SELECT sku FROM stock_items WHERE sku = 'walnut-desk' FOR UPDATE", {}, tx);
        holds = true;
        await held.opened;
      });
      await eventually('the row is locked', () => holds);
      proxy.freeze();
      const order = newOrder([['walnut-desk', 1]]);
      const { createOrder } = createOrderActivities(shop.store);
      expect(await createOrder({ order, reserve: true })).toMatchObject({ outcome: 'recorded' });
      held.open();
      await expect(lost).rejects.toMatchObject({ fatal: true });
    } finally {
      await close();
    }
  });

  test('keeps no connection of the pool: its statements fail, and the next one finds the host that took its place', async () => {
    const { far, proxy, close } = await behindProxy(1_000);
    try {
      const sleeping = Array.from({ length: 20 }, (_, n) =>
        select(far, 'SELECT SLEEP(:n)', { n: 600 + n }).catch((error: unknown) => error),
      );
      await eventually('all are under way', async () => {
        const found = await select(
          db,
          "SELECT 1 FROM information_schema.processlist WHERE info LIKE '%SLEEP%'",
        );
        return found.length > 20;
      });
      proxy.freeze();
      expect((await Promise.all(sleeping)).filter(isConnectionLost)).toHaveLength(20);
      expect(await select(far, 'SELECT 1 AS back')).toEqual([{ back: 1 }]);
    } finally {
      await close();
    }
  });
});
