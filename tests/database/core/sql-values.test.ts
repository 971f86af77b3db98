import type { Database } from '../../../db/core/connect';
import { insert, select } from '../../../db/core/sql';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { queryRows } from '../orders/sample-orders';

describe.each(DIALECTS)('SQL values on %s', (dialect) => {
  let shop: TestStore;
  let db: Database;
  beforeAll(async () => {
    shop = await createTestStore(dialect);
    db = shop.db;
  });
  afterAll(() => shop.close());

  const position = (name: string) => shop.store.feed.getPosition(name);

  describe('values', () => {
    test.each([
      "it's",
      'quote "hi"',
      'back\\slash \\\' \\" \\n',
      '$1 $2 $$ $name',
      ':sku :v0_0 ::',
      '? ?? %s',
      ...(dialect === 'mysql' ? ['nul \u0000 inside'] : []),
      "'; DROP TABLE orders; --",
      '🦊 𝒳 漢字 e\u0301',
      ' spaces ',
      'line\r\nbreak\u2028',
      '',
    ])('are stored unchanged: %j', async (text) => {
      const id = `v_${Buffer.from(text).toString('hex')}`;
      await db.write((tx) =>
        shop.store.contacts.addOrderContact(
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
      const contact = await shop.store.contacts.findByOrder(id);
      expect(contact?.name).toBe(text);
      expect(contact?.shippingAddress?.line1).toBe(text);
      const rows = await select(db, 'SELECT order_id FROM order_contacts WHERE name = :text', { text });
      expect(rows).toHaveLength(1);
    });

    test('an injected key is not found', async () => {
      const key = { caller: 'guest', operation: 'placement', idempotencyKey: "k' OR 'k' = 'k" } as const;
      expect(await shop.store.idempotencyKeys.find(key)).toBeNull();
      expect(await shop.store.orders.find("x' OR '1'='1")).toBeNull();
    });

    test('email addresses that differ in an accent belong to two customers', async () => {
      const findOrCreate = (email: string, id: string) =>
        db.write((tx) => shop.store.contacts.findOrCreateCustomer(email, id, 1, tx));
      expect(await findOrCreate('muller@example.com', 'cus_1')).toBe('cus_1');
      expect(await findOrCreate('müller@example.com', 'cus_2')).toBe('cus_2');
      expect(await findOrCreate('muller@example.com', 'cus_3')).toBe('cus_1');
    });

    test('an empty list matches nothing, and a missing value throws', async () => {
      expect(await shop.store.products.findBySkus([])).toEqual([]);
      expect(await shop.store.log.findByKeys([])).toEqual([]);
      expect(() => select(db, 'SELECT :absent AS x', {})).toThrow('no value for :absent');
    });

    if (dialect === 'sqlite') {
      test('text with a NUL, which the driver would shorten, is not stored and equals nothing', async () => {
        const text = 'nul \0 inside';
        const attempt = db.write((tx) => insert(db, 'subscriptions', [{ name: text, position: 1 }], { tx }));
        await expect(attempt).rejects.toThrow('NUL');
        await insert(db, 'subscriptions', [{ name: 'nul ', position: 1 }]);
        expect(await select(db, 'SELECT name FROM subscriptions WHERE name = :text', { text })).toEqual([]);
      });

      test('booleans and integers are bound as integers, other numbers as floating point', async () => {
        const values = [true, false, 7, -(2 ** 40), Number.MAX_SAFE_INTEGER, 1.5, null, 'x'];
        const columns = values.map((_, i) => `? AS v${i}, typeof(?) AS t${i}`);
        const { rows } = await db.send(
          `SELECT ${columns.join(', ')}`,
          values.flatMap((value) => [value, value]),
        );
        const [row = {}] = rows as Record<string, unknown>[];
        expect(values.map((_, i) => row[`v${i}`])).toEqual([1, 0, ...values.slice(2)]);
        expect(values.map((_, i) => row[`t${i}`])).toEqual([
          ...Array.from({ length: 5 }, () => 'integer'),
          'real',
          'null',
          'text',
        ]);
      });

      test.each([[new Date(0)], [{ a: 1 }], [undefined], [Symbol('s')]])(
        'values of other types are rejected: %p',
        async (value) => {
          await expect(db.send('SELECT ? AS v', [value as unknown as string])).rejects.toThrow(TypeError);
        },
      );
    }

    test('large integers are returned unchanged', async () => {
      const largest = Number.MAX_SAFE_INTEGER;
      await db.write((tx) => insert(db, 'subscriptions', [{ name: 'large', position: largest }], { tx }));
      expect(await position('large')).toBe(largest);
    });
  });

  describe('insert with ifNew', () => {
    const insertIfNew = (table: string, rows: Parameters<typeof insert>[2]) =>
      db.write((tx) => insert(db, table, rows, { tx, ifNew: true }));

    test('leaves existing rows and inserts the others', async () => {
      await insertIfNew('subscriptions', [{ name: 'n1', position: 1 }]);
      await insertIfNew('subscriptions', [
        { name: 'n1', position: 9 },
        { name: 'n2', position: 2 },
      ]);
      expect([await position('n1'), await position('n2')]).toEqual([1, 2]);
      await insertIfNew('subscriptions', []);
    });

    const stock = { sku: 'new', warehouse: 'BER', on_hand: 1, reserved: 0 };
    const invalid: [string, typeof stock | { on_hand: null }][] = [
      ['violates a CHECK', { ...stock, on_hand: -1 }],
      ['lacks a value', { ...stock, on_hand: null }],
    ];
    if (dialect === 'mysql') {
      invalid.push(['is too long', { ...stock, warehouse: 'x'.repeat(17) }]);
      invalid.push(['has characters outside the charset', { ...stock, warehouse: '🦊' }]);
    }
    test.each(invalid)('rejects all rows when one %s', async (_, row) => {
      const before = await queryRows(db, 'SELECT * FROM stock ORDER BY sku, warehouse');
      await expect(insertIfNew('stock', [{ ...stock, warehouse: 'RTM' }, row])).rejects.toThrow();
      expect(await queryRows(db, 'SELECT * FROM stock ORDER BY sku, warehouse')).toEqual(before);
    });
  });
});
