import { createOrderActivities } from '../../../activities/orders';
import type { Tx } from '../../../db/core/connect';
import { execute, select } from '../../../db/core/sql';
import type { Role } from '../../../domain/shared/access';
import { createAuthenticator } from '../../../services/auth/authenticate';
import { logIn } from '../../../services/auth/login';
import { changeRole, ensureAccount } from '../../../services/auth/roles';
import { refreshTokens } from '../../../services/auth/sessions';
import { createAccessTokens } from '../../../services/auth/tokens/access-tokens';
import { createOrderTokens } from '../../../services/auth/tokens/order-tokens';
import { eraseCustomer } from '../../../services/customers/erasure';
import { recordPersonalDataRead } from '../../../services/customers/personal-data-reads';
import { addAddress, changeProfile } from '../../../services/customers/profile';
import { newCustomerId, newOrderId } from '../../../services/shared/new-ids';
import { requestPasswordResetAndWait, TestIdentity } from '../../harness/http/test-identity';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { newOrder } from '../orders/sample-orders';

const ADMIN = { kind: 'staff' as const, id: 'cus_ADMIN' };
const HOUR_MS = 60 * 60_000;

describe.each(DIALECTS)('customers on %s', (dialect) => {
  let shop: TestStore;
  let identity: TestIdentity;
  beforeEach(async () => {
    shop = await createTestStore(dialect);
    identity = new TestIdentity(shop.store);
  });
  afterEach(() => shop?.close());

  const ensureWithRole = (email: string, role: Role) =>
    ensureAccount(identity, { email, password: 'analytical engine', name: null, role });
  const account = async (email: string) => {
    const row = await shop.store.accounts.findByEmail(email);
    if (row === null) throw new Error(`no account with the email address ${email}`);
    return row;
  };
  /** Inserts an order of a customer with a contact. @returns its id. */
  const insertOrder = async (customerId: string, email: string, status: string): Promise<string> => {
    const placed = { ...newOrder(), customerId };
    const { id } = placed;
    await shop.db.write(async (tx) => {
      await shop.store.orders.insert(placed, tx);
      await execute(shop.db, 'UPDATE orders SET status = :status WHERE id = :id', { id, status }, tx);
      await addContact(id, customerId, email, tx);
    });
    return id;
  };
  const addContact = (orderId: string, customerId: string, email: string, tx: Tx) => {
    const address = { name: 'Ada Byron', line1: '1 Lovelace St', city: 'x', postalCode: '1', country: 'DE' };
    const contact = { email, name: 'Ada Byron', phone: '+49 30 7654321', shippingAddress: address };
    return shop.store.contacts.addOrderContact({ orderId, customerId, ...contact }, tx);
  };

  describe('roles', () => {
    test('ensureAccount creates a staff account, or changes only the role of an existing one', async () => {
      expect(await ensureWithRole('ada@example.com', 'admin')).toBe('created');
      expect(await ensureWithRole('ada@example.com', 'admin')).toBe('unchanged');
      const ada = await account('ada@example.com');
      await ensureAccount(identity, { email: 'ada@example.com', password: 'x', name: null, role: 'admin' });
      expect(await account('ada@example.com')).toEqual(ada);
      expect(await identity.listEventTypes(ada.customerId)).toEqual(['AccountCreated']);
      await identity.createCustomer('bob@example.com');
      expect(await ensureWithRole('bob@example.com', 'admin')).toBe('changed');
      expect((await account('bob@example.com')).role).toBe('admin');
    });

    test('a role change revokes all sessions at once', async () => {
      const eve = await identity.createCustomer('eve@example.com');
      const authenticate = createAuthenticator({
        store: shop.store,
        accessTokens: identity.accessTokens,
        orderTokens: createOrderTokens(Buffer.alloc(32)),
      });
      expect(await authenticate(eve.accessToken)).toMatchObject({ kind: 'account', role: 'customer' });
      await changeRole(identity, eve.customerId, 'support', ADMIN);
      expect(await authenticate(eve.accessToken)).toBeNull();
      await expect(refreshTokens(identity, eve.refreshToken)).rejects.toMatchObject({
        code: 'invalid_refresh_token',
      });
      const { accessToken } = await logIn(identity, eve.email, eve.password);
      expect(await authenticate(accessToken)).toMatchObject({ role: 'support' });
      const missing = changeRole(identity, newCustomerId(), 'admin', ADMIN);
      await expect(missing).rejects.toMatchObject({ code: 'not_found' });
    });

    test('instances with different first keys accept the access tokens of each other', async () => {
      const { customerId, sessionId } = await identity.createCustomer();
      const [old, fresh] = [Buffer.alloc(32, 8), Buffer.alloc(32, 9)];
      const instances = [[old], [old, fresh], [fresh, old]].map((keys) => {
        const accessTokens = createAccessTokens({ keys, issuer: 'test-shop' });
        const orderTokens = createOrderTokens(Buffer.alloc(32));
        return {
          accessTokens,
          authenticate: createAuthenticator({ store: shop.store, accessTokens, orderTokens }),
        };
      });
      for (const { accessTokens } of instances) {
        const { token } = await accessTokens.issue({ customerId, role: 'customer', sessionId });
        for (const { authenticate } of instances.slice(1)) expect(await authenticate(token)).not.toBeNull();
      }
    });

    test('the last admin remains, even when all are demoted or erased concurrently', async () => {
      const emails = ['a@example.com', 'b@example.com', 'c@example.com', 'd@example.com'];
      for (const email of emails) await ensureWithRole(email, 'admin');
      const results = await Promise.allSettled(
        emails.map(async (email, n) => {
          const { customerId } = await account(email);
          await (n % 2 === 0
            ? changeRole(identity, customerId, 'customer', ADMIN)
            : eraseCustomer(identity, customerId, ADMIN));
        }),
      );
      const errors = results.flatMap((r) => (r.status === 'rejected' ? [r.reason as unknown] : []));
      expect(errors).toEqual([expect.objectContaining({ code: 'last_admin' })]);
      const admins = await select(shop.db, "SELECT customer_id FROM accounts WHERE role = 'admin'");
      expect(admins).toHaveLength(1);
    });
  });

  describe('reading personal data', () => {
    test('is recorded in the stream of the reader, even for concurrent first reads', async () => {
      const subjects = Array.from({ length: 6 }, newCustomerId);
      await Promise.all(subjects.map((subject) => recordPersonalDataRead(identity, ADMIN, subject)));
      const rows = await select<{ subject: string; body: string }>(
        shop.db,
        'SELECT subject, body FROM events WHERE stream = :stream ORDER BY seq',
        { stream: 'access:cus_ADMIN' },
      );
      expect(rows.map((row) => row.subject).toSorted()).toEqual(subjects.toSorted());
      expect(rows[0]?.body).toContain('staff:cus_ADMIN');
    });
  });

  describe('erasure', () => {
    const NEEDLES = ['ada@example.com', 'Ada Byron', '7654321', 'Lovelace'];
    /** Every row of every table, as text. */
    const dumpDatabase = async (): Promise<string> => {
      const tables = await select<{ name: string }>(
        shop.db,
        dialect === 'sqlite'
          ? "SELECT name FROM sqlite_master WHERE type = 'table'"
          : 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
      );
      expect(tables.length).toBeGreaterThan(20);
      const rows = await Promise.all(tables.map(({ name }) => select(shop.db, `SELECT * FROM ${name}`)));
      return JSON.stringify(rows);
    };

    test('removes personal data from every table and retains the rest', async () => {
      const ada = await identity.createCustomer('ada@example.com');
      await changeProfile(identity, ada.customerId, { phone: '+49 30 7654321' });
      const address = {
        name: 'Ada Byron',
        line1: '1 Lovelace St',
        city: 'x',
        postalCode: '1',
        country: 'DE',
      };
      await addAddress(identity, ada.customerId, { address, defaultFor: [] });
      await requestPasswordResetAndWait(identity, ada.email);
      const orderId = await insertOrder(ada.customerId, ada.email, 'cancelled');
      const pending = { tokenId: 'ott_1', email: ada.email, name: 'Ada Byron', passwordHash: 'x' };
      await shop.db.write((tx) =>
        shop.store.registrations.add({ ...pending, expiresAtMs: identity.nowMs + HOUR_MS }, tx),
      );
      for (const needle of NEEDLES) expect(await dumpDatabase()).toContain(needle);

      await eraseCustomer(identity, ada.customerId, { kind: 'customer', id: ada.customerId });
      const remaining = await dumpDatabase();
      for (const needle of NEEDLES) expect(remaining).not.toContain(needle);
      expect(await shop.store.orders.find(orderId)).not.toBeNull();
      expect((await identity.listEventTypes(ada.customerId)).slice(-2)).toEqual([
        'SessionRevoked',
        'CustomerErased',
      ]);
      await expect(refreshTokens(identity, ada.refreshToken)).rejects.toMatchObject({
        code: 'invalid_refresh_token',
      });
      // A second erasure has no effect.
      await eraseCustomer(identity, ada.customerId, ADMIN);
      expect(
        (await identity.listEventTypes(ada.customerId)).filter((t) => t === 'CustomerErased'),
      ).toHaveLength(1);
    });

    test('frees the email address for a new customer', async () => {
      const before = await identity.createCustomer('ada@example.com');
      await eraseCustomer(identity, before.customerId, ADMIN);
      const after = await identity.createCustomer('ada@example.com');
      expect(after.customerId).not.toBe(before.customerId);
    });

    test('erases a guest without an account', async () => {
      const id = await shop.db.write((tx) =>
        shop.store.contacts.findOrCreateCustomer('guest@example.com', newCustomerId(), 1, tx),
      );
      await Promise.all([1, 2, 3].map(() => eraseCustomer(identity, id, ADMIN)));
      expect(await dumpDatabase()).not.toContain('guest@example.com');
      expect(await identity.listEventTypes(id)).toEqual(['CustomerErased']);
    });

    test('is rejected while an order is open or pending, and names the order', async () => {
      const ada = await identity.createCustomer();
      const openOrderId = await insertOrder(ada.customerId, ada.email, 'confirmed');
      await insertOrder(ada.customerId, ada.email, 'completed');
      const erase = () => eraseCustomer(identity, ada.customerId, ADMIN);
      await expect(erase()).rejects.toMatchObject({
        code: 'orders_open',
        extensions: { orderIds: [openOrderId] },
      });
      await execute(shop.db, "UPDATE orders SET status = 'completed'");

      const claimed = newOrderId(identity.nowMs);
      await shop.db.write((tx) => addContact(claimed, ada.customerId, ada.email, tx));
      await expect(erase()).rejects.toMatchObject({
        code: 'orders_open',
        extensions: { orderIds: [claimed] },
      });
      identity.nowMs += HOUR_MS + 1;
      await erase();
      // A placement that resumes after the erasure is rejected.
      const { createOrder } = createOrderActivities(shop.store);
      const lateOrder = { ...newOrder(), id: claimed, customerId: ada.customerId };
      const result = await createOrder({ order: lateOrder, reserve: true });
      expect(result).toMatchObject({ outcome: 'rejected', rejection: { code: 'customer_erased' } });
      expect(await createOrder({ order: lateOrder, reserve: true })).toMatchObject({
        outcome: 'exists',
        head: result.head,
        order: { status: 'rejected' },
      });
      expect(await shop.store.orders.find(claimed)).toMatchObject({
        status: 'rejected',
        rejection: { code: 'customer_erased' },
      });
      expect(await shop.store.stock.hasReservations(claimed)).toBe(false);
      await expect(eraseCustomer(identity, newCustomerId(), ADMIN)).rejects.toMatchObject({
        code: 'not_found',
      });
    });
  });
});
