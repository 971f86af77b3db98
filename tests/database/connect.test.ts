import { DatabaseError } from 'sequelize';
import { createOrderActivities } from '../../activities/orders';
import { whileWanted } from '../../db/abandoned';
import {
  connect,
  type Database,
  isConnectionLost,
  isDuplicate,
  isTransient,
  type Tx,
} from '../../db/connect';
import { execute, insert, select } from '../../db/sql';
import { createTestStore, DIALECTS, type TestStore } from '../support/databases';
import { eventually } from '../support/eventually';
import { gate } from '../support/gate';
import { startTcpProxy } from '../support/tcp-proxy';
import { newOrder, rowsOf } from './sample-orders';

const failWith = (code: string) =>
  new DatabaseError(
    Object.assign(new Error(code), { code, sql: '' }) as ConstructorParameters<typeof DatabaseError>[0],
  );

describe.each(DIALECTS)('a database on %s', (dialect) => {
  let shop: TestStore;
  let db: Database;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    db = shop.db;
  });
  afterAll(() => shop.close());

  const position = (name: string) => shop.store.feed.position(name);

  describe('a transaction', () => {
    test.each(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'SQLITE_BUSY', 'SQLITE_LOCKED'])(
      'is run again as a whole after %s',
      async (code) => {
        let tries = 0;
        await db.write(async (tx) => {
          tries += 1;
          await insert(db, 'subscriptions', [{ name: code, position: tries }], { tx });
          if (tries < 3) throw failWith(code);
        });
        expect(tries).toBe(3);
        expect(await position(code)).toBe(3);
      },
    );

    test('is given up after some tries', async () => {
      let tries = 0;
      const attempt = db.write(async () => {
        tries += 1;
        throw failWith('SQLITE_BUSY');
      });
      await expect(attempt).rejects.toThrow('SQLITE_BUSY');
      expect(tries).toBe(8);
    });

    test('is not run again after any other failure, and leaves nothing', async () => {
      let tries = 0;
      const attempt = db.write(async (tx) => {
        tries += 1;
        await insert(db, 'subscriptions', [{ name: 'gone', position: 1 }], { tx });
        await insert(db, 'subscriptions', [{ name: 'gone', position: 1 }], { tx });
      });
      const error: unknown = await attempt.catch((e: unknown) => e);
      expect([isDuplicate(error), isTransient(error), tries]).toEqual([true, false, 1]);
      expect(await position('gone')).toBe(0);
      // The connection is fit for the next.
      await db.write((tx) => insert(db, 'subscriptions', [{ name: 'next', position: 1 }], { tx }));
      expect(await position('next')).toBe(1);
    });

    test.each([
      ['a NOT NULL', { name: 'x', position: null }, 'subscriptions'],
      ['a CHECK', { sku: 'new', warehouse: 'BER', on_hand: -1 }, 'stock'],
    ])('tells %s that is broken from a key that is taken', async (_, row, table) => {
      const attempt = db.write((tx) => insert(db, table, [row], { tx }));
      const error: unknown = await attempt.catch((e: unknown) => e);
      expect(error).toMatchObject({ message: expect.stringMatching(/null|constraint|check/i) });
      expect(isDuplicate(error)).toBe(false);
    });

    if (dialect === 'mysql') {
      test('that deadlocks with another is run again, and both commit', async () => {
        const move = async (first: string, second: string, meet: () => Promise<void>) => {
          let tries = 0;
          await db.write(async (tx) => {
            tries += 1;
            await add(first, tx);
            if (tries === 1) await meet();
            await add(second, tx);
          });
          return tries;
        };
        const add = (name: string, tx: Tx) =>
          execute(db, 'UPDATE subscriptions SET position = position + 1 WHERE name = :name', { name }, tx);
        await db.write((tx) =>
          insert(
            db,
            'subscriptions',
            ['a', 'b'].map((name) => ({ name, position: 0 })),
            { tx },
          ),
        );
        let waiting = 0;
        const meet = async () => {
          waiting += 1;
          await eventually('both hold a row', () => waiting === 2);
        };
        const tries = await Promise.all([move('a', 'b', meet), move('b', 'a', meet)]);
        expect(tries.sort()).toEqual([1, 2]);
        expect([await position('a'), await position('b')]).toEqual([2, 2]);
      });

      test('reads what is committed, and each connection keeps few statements prepared', async () => {
        const isolation = await db.write((tx) =>
          select<{ level: string }>(db, 'SELECT @@SESSION.tx_isolation AS level', {}, tx).catch(() =>
            select<{ level: string }>(db, 'SELECT @@SESSION.transaction_isolation AS level', {}, tx),
          ),
        );
        expect(isolation).toEqual([{ level: 'READ-COMMITTED' }]);

        const one = connect({ url: shop.url, poolSize: 1 });
        try {
          for (let n = 1; n <= 400; n += 1) {
            await select(one, 'SELECT name FROM subscriptions WHERE position IN (:list)', {
              list: Array.from({ length: n }, (_, i) => i),
            });
          }
          const [row] = await select<{ Value: string }>(one, "SHOW SESSION STATUS LIKE 'Com_stmt_prepare'");
          const [closed] = await select<{ Value: string }>(one, "SHOW SESSION STATUS LIKE 'Com_stmt_close'");
          expect(Number(row?.Value) - Number(closed?.Value)).toBeLessThanOrEqual(201);
        } finally {
          await one.close();
        }
      });
    } else {
      test('waits for its turn: 500 at once all commit', async () => {
        await insert(db, 'subscriptions', [{ name: 'count', position: 0 }]);
        await Promise.all(
          Array.from({ length: 500 }, () =>
            db.write((tx) =>
              execute(db, "UPDATE subscriptions SET position = position + 1 WHERE name = 'count'", {}, tx),
            ),
          ),
        );
        expect(await position('count')).toBe(500);
      });

      test('beyond the bound of the queue is refused at once, to be tried later', async () => {
        const held = gate();
        const queued = Array.from({ length: 2_000 }, () => db.write(() => held.opened));
        const next = db.write(() => held.opened).catch((error: unknown) => error);
        const answer = await Promise.race([next, new Promise((resolve) => setImmediate(resolve, 'queued'))]);
        held.open();
        await Promise.all(queued);
        expect(answer).toMatchObject({ code: 'overloaded', extra: { retryAfterSeconds: 2 } });
        await expect(db.write(async () => 'free again')).resolves.toBe('free again');
      });

      test('that nobody waits for any more is not begun', async () => {
        const held = gate();
        const before = db.write(() => held.opened);
        const gaveUp = new AbortController();
        let begun = false;
        const abandoned = whileWanted(gaveUp.signal, () =>
          db.write(async () => {
            begun = true;
          }),
        );
        const after = db.write(async () => 'done');
        gaveUp.abort(new Error('timed out'));
        held.open();
        await expect(abandoned).rejects.toThrow('timed out');
        await before;
        expect(await after).toBe('done');
        expect(begun).toBe(false);
      });

      test('has the settings of the driver in force, to read and to write', async () => {
        const settings = async (tx?: Tx) =>
          Promise.all(
            ['journal_mode', 'synchronous', 'busy_timeout', 'recursive_triggers'].map(
              async (name) => Object.values((await select(db, `PRAGMA ${name}`, {}, tx))[0] ?? {})[0],
            ),
          );
        const expected = ['wal', 1, 5_000, 1];
        expect(await settings()).toEqual(expected);
        expect(await db.write(settings)).toEqual(expected);
      });

      test('of another process is waited for', async () => {
        const other = connect({ url: shop.url });
        try {
          let holds = false;
          const held = gate();
          const first = other.write(async (tx) => {
            await insert(other, 'subscriptions', [{ name: 'other', position: 1 }], { tx });
            holds = true;
            await held.opened;
          });
          await eventually('the other writes', () => holds);
          const second = db.write((tx) =>
            insert(db, 'subscriptions', [{ name: 'mine', position: 1 }], { tx }),
          );
          expect(await position('other')).toBe(0);
          held.open();
          await Promise.all([first, second]);
          expect([await position('other'), await position('mine')]).toEqual([1, 1]);
        } finally {
          await other.close();
        }
      });

      test('that can neither commit nor roll back leaves the next one a connection of its own', async () => {
        const attempt = db.write(async (tx) => {
          // As SQLite does by itself when the disk is full.
          await db.send('ROLLBACK', [], tx);
          throw new Error('disk full');
        });
        await expect(attempt).rejects.toThrow('disk full');
        await db.write((tx) => insert(db, 'subscriptions', [{ name: 'after', position: 1 }], { tx }));
        expect(await position('after')).toBe(1);
      });
    }
  });

  if (dialect === 'mysql') {
    describe('a host that is gone without a word', () => {
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
          const held = gate();
          let holds = false;
          const lost = far.write(async (tx) => {
            await select(far, "SELECT sku FROM stock_items WHERE sku = 'walnut-desk' FOR UPDATE", {}, tx);
            holds = true;
            await held.opened;
          });
          await eventually('the row is locked', () => holds);
          proxy.freeze();
          const order = newOrder([['walnut-desk', 1]]);
          const { openOrder } = createOrderActivities(shop.store);
          expect(await openOrder({ order, reserve: true })).toMatchObject({ outcome: 'recorded' });
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
  }

  test('a read sees what was committed before it, however many others are under way', async () => {
    await insert(db, 'subscriptions', [{ name: 'seen', position: 0 }]);
    let over = false;
    const readers = Array.from({ length: 8 }, async () => {
      while (!over) await select(db, 'SELECT COUNT(*) AS n FROM stock, products, stock AS others');
    });
    for (let n = 1; n <= 50; n += 1) {
      await db.write((tx) =>
        execute(db, "UPDATE subscriptions SET position = :n WHERE name = 'seen'", { n }, tx),
      );
      expect(await position('seen')).toBe(n);
    }
    over = true;
    await Promise.all(readers);
  });

  test('a statement of a transaction that is over is refused', async () => {
    let stray: Tx | undefined;
    await db.write(async (tx) => {
      stray = tx;
    });
    await expect(
      insert(db, 'subscriptions', [{ name: 'stray', position: 1 }], { tx: stray as Tx }),
    ).rejects.toThrow('the transaction is over (committed)');
    expect(await position('stray')).toBe(0);
  });

  describe('values', () => {
    test.each([
      "it's",
      'say "hi"',
      'back\\slash \\\' \\" \\n',
      '$1 $2 $$ $name',
      ':sku :v0_0 ::',
      '? ?? %s',
      'nul \u0000 inside',
      "'; DROP TABLE orders; --",
      '🦊 𝒳 漢字 e\u0301',
      ' spaces ',
      'line\r\nbreak\u2028',
      '',
    ])('travel as they are: %j', async (text) => {
      const id = `v_${Buffer.from(text).toString('hex')}`;
      await db.write((tx) =>
        shop.store.contacts.addToOrder(
          {
            orderId: id,
            customerId: 'cus_x',
            email: null,
            name: text,
            phone: null,
            shippingAddress: { name: text, line1: text, city: 'x', postalCode: 'x', country: 'DE' },
          },
          tx,
        ),
      );
      const contact = await shop.store.contacts.ofOrder(id);
      expect(contact?.name).toBe(text);
      expect(contact?.shippingAddress?.line1).toBe(text);
      const found = await select(db, 'SELECT order_id FROM order_contacts WHERE name = :text', { text });
      expect(found).toHaveLength(1);
    });

    test('a key that no key can be is not found', async () => {
      expect(await shop.store.placements.find('anyone', "k' OR 'k' = 'k")).toBeNull();
      expect(await shop.store.orders.find("x' OR '1'='1")).toBeNull();
    });

    test('addresses of mail that differ in an accent belong to two customers', async () => {
      const of = (email: string, id: string) =>
        db.write((tx) => shop.store.contacts.customerByEmail(email, id, 1, tx));
      expect(await of('muller@example.com', 'cus_1')).toBe('cus_1');
      expect(await of('müller@example.com', 'cus_2')).toBe('cus_2');
      expect(await of('muller@example.com', 'cus_3')).toBe('cus_1');
    });

    test('an empty list matches nothing, and a value that is missing is a fault', async () => {
      expect(await shop.store.products.bySkus([])).toEqual([]);
      expect(await shop.store.log.byKeys([])).toEqual([]);
      expect(() => select(db, 'SELECT :absent AS x', {})).toThrow('no value for :absent');
    });

    test('large whole numbers come back as they were', async () => {
      const largest = Number.MAX_SAFE_INTEGER;
      await db.write((tx) => insert(db, 'subscriptions', [{ name: 'large', position: largest }], { tx }));
      expect(await position('large')).toBe(largest);
    });
  });

  describe('rows that are inserted if new', () => {
    const ifNew = (table: string, rows: Parameters<typeof insert>[2]) =>
      db.write((tx) => insert(db, table, rows, { tx, ifNew: true }));

    test('leave those that are there, and add the others', async () => {
      await ifNew('subscriptions', [{ name: 'n1', position: 1 }]);
      await ifNew('subscriptions', [
        { name: 'n1', position: 9 },
        { name: 'n2', position: 2 },
      ]);
      expect([await position('n1'), await position('n2')]).toEqual([1, 2]);
      await ifNew('subscriptions', []);
    });

    const stock = { sku: 'new', warehouse: 'BER', on_hand: 1, reserved: 0 };
    const broken: [string, typeof stock | { on_hand: null }][] = [
      ['breaks a CHECK', { ...stock, on_hand: -1 }],
      ['lacks a value', { ...stock, on_hand: null }],
    ];
    if (dialect === 'mysql') {
      broken.push(['is too long', { ...stock, warehouse: 'x'.repeat(17) }]);
      broken.push(['has characters that do not fit', { ...stock, warehouse: '🦊' }]);
    }
    test.each(broken)('are refused, all of them, when one %s', async (_, row) => {
      const before = await rowsOf(db, 'SELECT * FROM stock ORDER BY sku, warehouse');
      await expect(ifNew('stock', [{ ...stock, warehouse: 'RTM' }, row])).rejects.toThrow();
      expect(await rowsOf(db, 'SELECT * FROM stock ORDER BY sku, warehouse')).toEqual(before);
    });
  });
});
