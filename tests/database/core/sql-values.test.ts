import type { Database } from '../../../db/core/connect';
import { insert, select } from '../../../db/core/sql';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { queryRows } from '../orders/sample-orders';

describe.each(DIALECTS)('what is written to a database on %s', (dialect) => {
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
      const found = await select(db, 'SELECT order_id FROM order_contacts WHERE name = :text', { text });
      expect(found).toHaveLength(1);
    });

    test('a key that no key can be is not found', async () => {
      expect(await shop.store.placements.findByIdempotencyKey('anyone', "k' OR 'k' = 'k")).toBeNull();
      expect(await shop.store.orders.find("x' OR '1'='1")).toBeNull();
    });

    test('addresses of mail that differ in an accent belong to two customers', async () => {
      const of = (email: string, id: string) =>
        db.write((tx) => shop.store.contacts.findOrCreateCustomer(email, id, 1, tx));
      expect(await of('muller@example.com', 'cus_1')).toBe('cus_1');
      expect(await of('müller@example.com', 'cus_2')).toBe('cus_2');
      expect(await of('muller@example.com', 'cus_3')).toBe('cus_1');
    });

    test('an empty list matches nothing, and a value that is missing is a fault', async () => {
      expect(await shop.store.products.findBySkus([])).toEqual([]);
      expect(await shop.store.log.findByKeys([])).toEqual([]);
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
      const before = await queryRows(db, 'SELECT * FROM stock ORDER BY sku, warehouse');
      await expect(ifNew('stock', [{ ...stock, warehouse: 'RTM' }, row])).rejects.toThrow();
      expect(await queryRows(db, 'SELECT * FROM stock ORDER BY sku, warehouse')).toEqual(before);
    });
  });
});
