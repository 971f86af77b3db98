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

describe.each(DIALECTS)('transactions on %s', (dialect) => {
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
      'is retried as a whole after %s',
      async (code) => {
        let attempts = 0;
        await db.write(async (tx) => {
          attempts += 1;
          await insert(db, 'subscriptions', [{ name: code, position: attempts }], { tx });
          if (attempts < 3) throw createDatabaseError(code);
        });
        expect(attempts).toBe(3);
        expect(await position(code)).toBe(3);
      },
    );

    test('fails after 8 attempts', async () => {
      let attempts = 0;
      const attempt = db.write(async () => {
        attempts += 1;
        throw createDatabaseError('SQLITE_BUSY');
      });
      await expect(attempt).rejects.toThrow('SQLITE_BUSY');
      expect(attempts).toBe(8);
    });

    test('is rolled back without a retry after any other failure', async () => {
      let attempts = 0;
      const attempt = db.write(async (tx) => {
        attempts += 1;
        await insert(db, 'subscriptions', [{ name: 'gone', position: 1 }], { tx });
        await insert(db, 'subscriptions', [{ name: 'gone', position: 1 }], { tx });
      });
      const error: unknown = await attempt.catch((e: unknown) => e);
      expect([isDuplicate(error), isTransient(error), attempts]).toEqual([true, false, 1]);
      expect(await position('gone')).toBe(0);
      // The connection is usable again.
      await db.write((tx) => insert(db, 'subscriptions', [{ name: 'next', position: 1 }], { tx }));
      expect(await position('next')).toBe(1);
    });

    test.each([
      ['NOT NULL', { name: 'x', position: null }, 'subscriptions'],
      ['CHECK', { sku: 'new', warehouse: 'BER', on_hand: -1 }, 'stock'],
    ])('distinguishes a violated %s from a duplicate key', async (_, row, table) => {
      const attempt = db.write((tx) => insert(db, table, [row], { tx }));
      const error: unknown = await attempt.catch((e: unknown) => e);
      expect(error).toMatchObject({ message: expect.stringMatching(/null|constraint|check/i) });
      expect(isDuplicate(error)).toBe(false);
    });

    if (dialect === 'mysql') {
      test('is retried after a deadlock, and both commit', async () => {
        const move = async (first: string, second: string, meet: () => Promise<void>) => {
          let attempts = 0;
          await db.write(async (tx) => {
            attempts += 1;
            await add(first, tx);
            if (attempts === 1) await meet();
            await add(second, tx);
          });
          return attempts;
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
        const attempts = await Promise.all([move('a', 'b', meet), move('b', 'a', meet)]);
        expect(attempts.sort()).toEqual([1, 2]);
        expect([await position('a'), await position('b')]).toEqual([2, 2]);
      });

      test('reads committed rows; each connection has at most 200 prepared statements', async () => {
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
          const [prepared] = await select<{ Value: string }>(
            one,
            "SHOW SESSION STATUS LIKE 'Com_stmt_prepare'",
          );
          const [closed] = await select<{ Value: string }>(one, "SHOW SESSION STATUS LIKE 'Com_stmt_close'");
          expect(Number(prepared?.Value) - Number(closed?.Value)).toBeLessThanOrEqual(201);
        } finally {
          await one.close();
        }
      });
    } else {
      test('500 concurrent ones are serialized and all commit', async () => {
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

      test('beyond the queue limit is rejected immediately with a retry delay', async () => {
        const gate = createGate();
        const queued = Array.from({ length: 2_000 }, () => db.write(() => gate.opened));
        const next = db.write(() => gate.opened).catch((error: unknown) => error);
        const result = await Promise.race([next, new Promise((resolve) => setImmediate(resolve, 'queued'))]);
        gate.open();
        await Promise.all(queued);
        expect(result).toMatchObject({ code: 'overloaded', extensions: { retryAfterSeconds: 2 } });
        await expect(db.write(async () => 'accepted')).resolves.toBe('accepted');
      });

      test('is not started after its caller has aborted', async () => {
        const gate = createGate();
        const before = db.write(() => gate.opened);
        const caller = new AbortController();
        let started = false;
        const aborted = withAbortSignal(caller.signal, () =>
          db.write(async () => {
            started = true;
          }),
        );
        const after = db.write(async () => 'done');
        caller.abort(new Error('timed out'));
        gate.open();
        await expect(aborted).rejects.toThrow('timed out');
        await before;
        expect(await after).toBe('done');
        expect(started).toBe(false);
      });

      test('uses the driver settings for reads and writes', async () => {
        const readSettings = async (tx?: Tx) =>
          Promise.all(
            ['journal_mode', 'synchronous', 'busy_timeout', 'recursive_triggers'].map(
              async (name) => Object.values((await select(db, `PRAGMA ${name}`, {}, tx))[0] ?? {})[0],
            ),
          );
        const expected = ['wal', 1, 0, 1];
        expect(await readSettings()).toEqual(expected);
        expect(await db.write(readSettings)).toEqual(expected);
      });

      test('waits for the write of another process', async () => {
        const other = connect({ url: shop.url });
        try {
          let isWriting = false;
          const gate = createGate();
          const first = other.write(async (tx) => {
            await insert(other, 'subscriptions', [{ name: 'other', position: 1 }], { tx });
            isWriting = true;
            await gate.opened;
          });
          await eventually('the other process writes', () => isWriting);
          const second = db.write((tx) =>
            insert(db, 'subscriptions', [{ name: 'own', position: 1 }], { tx }),
          );
          expect(await position('other')).toBe(0);
          gate.open();
          await Promise.all([first, second]);
          expect([await position('other'), await position('own')]).toEqual([1, 1]);
        } finally {
          await other.close();
        }
      });

      test('that can neither commit nor roll back is followed by one that commits', async () => {
        const attempt = db.write(async (tx) => {
          // SQLite does so when the disk is full.
          await db.send('ROLLBACK', [], tx);
          throw new Error('disk full');
        });
        await expect(attempt).rejects.toThrow('disk full');
        await db.write((tx) => insert(db, 'subscriptions', [{ name: 'after', position: 1 }], { tx }));
        expect(await position('after')).toBe(1);
      });
    }
  });

  test('a read returns earlier committed values during concurrent reads', async () => {
    await insert(db, 'subscriptions', [{ name: 'read', position: 0 }]);
    let finished = false;
    const readers = Array.from({ length: 8 }, async () => {
      while (!finished) await select(db, 'SELECT COUNT(*) AS n FROM stock, products, stock AS others');
    });
    for (let n = 1; n <= 50; n += 1) {
      await db.write((tx) =>
        execute(db, "UPDATE subscriptions SET position = :n WHERE name = 'read'", { n }, tx),
      );
      expect(await position('read')).toBe(n);
    }
    finished = true;
    await Promise.all(readers);
  });

  test('a statement of a completed transaction is rejected', async () => {
    let stray: Tx | undefined;
    await db.write(async (tx) => {
      stray = tx;
    });
    await expect(
      insert(db, 'subscriptions', [{ name: 'stray', position: 1 }], { tx: stray as Tx }),
    ).rejects.toThrow('the transaction is closed (commit)');
    expect(await position('stray')).toBe(0);
  });
});
