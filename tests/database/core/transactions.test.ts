import { DatabaseError } from 'sequelize';
import { withAbortSignal } from '../../../db/core/abort-signal';
import { connect, type Database, isDuplicate, isTransient, type Tx } from '../../../db/core/connect';
import { execute, insert, select } from '../../../db/core/sql';
import { eventually } from '../../harness/eventually';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { createGate } from '../../harness/workflow/gate';

const createDatabaseError = (code: string) =>
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

  const position = (name: string) => shop.store.feed.getPosition(name);

  describe('a transaction', () => {
    test.each(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT', 'SQLITE_BUSY', 'SQLITE_LOCKED'])(
      'is run again as a whole after %s',
      async (code) => {
        let tries = 0;
        await db.write(async (tx) => {
          tries += 1;
          await insert(db, 'subscriptions', [{ name: code, position: tries }], { tx });
          if (tries < 3) throw createDatabaseError(code);
        });
        expect(tries).toBe(3);
        expect(await position(code)).toBe(3);
      },
    );

    test('is given up after some tries', async () => {
      let tries = 0;
      const attempt = db.write(async () => {
        tries += 1;
        throw createDatabaseError('SQLITE_BUSY');
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
        const held = createGate();
        const queued = Array.from({ length: 2_000 }, () => db.write(() => held.opened));
        const next = db.write(() => held.opened).catch((error: unknown) => error);
        const answer = await Promise.race([next, new Promise((resolve) => setImmediate(resolve, 'queued'))]);
        held.open();
        await Promise.all(queued);
        expect(answer).toMatchObject({ code: 'overloaded', extensions: { retryAfterSeconds: 2 } });
        await expect(db.write(async () => 'free again')).resolves.toBe('free again');
      });

      test('that nobody waits for any more is not begun', async () => {
        const held = createGate();
        const before = db.write(() => held.opened);
        const gaveUp = new AbortController();
        let begun = false;
        const abandoned = withAbortSignal(gaveUp.signal, () =>
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
          const held = createGate();
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
});
