import { createOrderActivities } from '../../../activities/orders';
import type { Tx } from '../../../db/core/connect';
import { execute, select } from '../../../db/core/sql';
import type { Role } from '../../../domain/shared/access';
import { createAccessTokens } from '../../../services/auth/access-tokens';
import { createAuthenticator } from '../../../services/auth/authenticate';
import { logIn } from '../../../services/auth/login';
import { newCustomerId } from '../../../services/auth/new-ids';
import { createOrderTokens } from '../../../services/auth/order-tokens';
import { changeRole, ensureAccount } from '../../../services/auth/roles';
import { refreshTokens } from '../../../services/auth/sessions';
import { eraseCustomer } from '../../../services/customers/erasure';
import { recordPersonalDataRead } from '../../../services/customers/personal-data-reads';
import { addAddress, changeProfile } from '../../../services/customers/profile';
import { newOrderId } from '../../../services/orders/new-ids';
import { requestPasswordResetAndWait, TestIdentity } from '../../harness/http/test-identity';
import { createTestStore, DIALECTS, type TestStore } from '../../harness/servers/databases';
import { newOrder } from '../orders/sample-orders';

const ADMIN = { kind: 'staff' as const, id: 'cus_ADMIN' };
const HOUR_MS = 60 * 60_000;

describe.each(DIALECTS)('people on %s', (dialect) => {
  let shop: TestStore;
  let identity: TestIdentity;
  beforeEach(async () => {
    shop = await createTestStore(dialect);
    identity = new TestIdentity(shop.store);
  });
  afterEach(() => shop?.close());

  const ensure = (email: string, role: Role) =>
    ensureAccount(identity, { email, password: 'analytical engine', name: null, role });
  const account = async (email: string) => {
    const found = await shop.store.accounts.findByEmail(email);
    if (found === null) throw new Error(`no account of ${email}`);
    return found;
  };
  /** An order of a customer, with their contact. */
  const order = async (customerId: string, email: string, status: string): Promise<string> => {
    const placed = { ...newOrder(), customerId };
    const { id } = placed;
    await shop.db.write(async (tx) => {
      await shop.store.orders.insert(placed, tx);
      await execute(shop.db, 'UPDATE orders SET status = :status WHERE id = :id', { id, status }, tx);
      await contact(id, customerId, email, tx);
    });
    return id;
  };
  const contact = (orderId: string, customerId: string, email: string, tx: Tx) => {
    const address = { name: 'Ada Byron', line1: '1 Lovelace St', city: 'x', postalCode: '1', country: 'DE' };
    const who = { email, name: 'Ada Byron', phone: '+49 30 7654321', shippingAddress: address };
    return shop.store.contacts.addOrderContact({ orderId, customerId, ...who }, tx);
  };

  describe('roles', () => {
    test('an account is made for who runs the shop; one that exists keeps its password', async () => {
      expect(await ensure('ada@example.com', 'admin')).toBe('created');
      expect(await ensure('ada@example.com', 'admin')).toBe('unchanged');
      const ada = await account('ada@example.com');
      await ensureAccount(identity, { email: 'ada@example.com', password: 'x', name: null, role: 'admin' });
      expect(await account('ada@example.com')).toEqual(ada);
      expect(await identity.listEventTypes(ada.customerId)).toEqual(['AccountCreated']);
      await identity.createCustomer('bob@example.com');
      expect(await ensure('bob@example.com', 'admin')).toBe('changed');
      expect((await account('bob@example.com')).role).toBe('admin');
    });

    test('a new role ends the sessions of the old one, at once', async () => {
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

    test('instances with another key in front let in whoever the others have let in', async () => {
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

    test('the last admin stays, also when all leave at once', async () => {
      const emails = ['a@example.com', 'b@example.com', 'c@example.com', 'd@example.com'];
      for (const email of emails) await ensure(email, 'admin');
      const results = await Promise.allSettled(
        emails.map(async (email, n) => {
          const { customerId } = await account(email);
          await (n % 2 === 0
            ? changeRole(identity, customerId, 'customer', ADMIN)
            : eraseCustomer(identity, customerId, ADMIN));
        }),
      );
      const refused = results.flatMap((r) => (r.status === 'rejected' ? [r.reason as unknown] : []));
      expect(refused).toEqual([expect.objectContaining({ code: 'last_admin' })]);
      const admins = await select(shop.db, "SELECT customer_id FROM accounts WHERE role = 'admin'");
      expect(admins).toHaveLength(1);
    });
  });

  describe('reading about people', () => {
    test('is told in a stream of the reader, also the first times at once', async () => {
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
    const everything = async (): Promise<string> => {
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

    test('leaves nothing that says who it was, in any table, and all that is not personal', async () => {
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
      const orderId = await order(ada.customerId, ada.email, 'cancelled');
      const pending = { tokenId: 'ott_1', email: ada.email, name: 'Ada Byron', passwordHash: 'x' };
      await shop.db.write((tx) =>
        shop.store.registrations.add({ ...pending, expiresAtMs: identity.nowMs + HOUR_MS }, tx),
      );
      for (const needle of NEEDLES) expect(await everything()).toContain(needle);

      await eraseCustomer(identity, ada.customerId, { kind: 'customer', id: ada.customerId });
      const left = await everything();
      for (const needle of NEEDLES) expect(left).not.toContain(needle);
      expect(await shop.store.orders.find(orderId)).not.toBeNull();
      expect((await identity.listEventTypes(ada.customerId)).slice(-2)).toEqual([
        'SessionRevoked',
        'CustomerErased',
      ]);
      await expect(refreshTokens(identity, ada.refreshToken)).rejects.toMatchObject({
        code: 'invalid_refresh_token',
      });
      // Twice is once.
      await eraseCustomer(identity, ada.customerId, ADMIN);
      expect(
        (await identity.listEventTypes(ada.customerId)).filter((t) => t === 'CustomerErased'),
      ).toHaveLength(1);
    });

    test('lets the address begin anew, as somebody else', async () => {
      const before = await identity.createCustomer('ada@example.com');
      await eraseCustomer(identity, before.customerId, ADMIN);
      const after = await identity.createCustomer('ada@example.com');
      expect(after.customerId).not.toBe(before.customerId);
    });

    test('of a guest, who has no account', async () => {
      const id = await shop.db.write((tx) =>
        shop.store.contacts.findOrCreateCustomer('guest@example.com', newCustomerId(), 1, tx),
      );
      await Promise.all([1, 2, 3].map(() => eraseCustomer(identity, id, ADMIN)));
      expect(await everything()).not.toContain('guest@example.com');
      expect(await identity.listEventTypes(id)).toEqual(['CustomerErased']);
    });

    test('is refused while an order is open, naming it, or is about to be', async () => {
      const ada = await identity.createCustomer();
      const open = await order(ada.customerId, ada.email, 'confirmed');
      await order(ada.customerId, ada.email, 'completed');
      const erase = () => eraseCustomer(identity, ada.customerId, ADMIN);
      await expect(erase()).rejects.toMatchObject({ code: 'orders_open', extensions: { orderIds: [open] } });
      await execute(shop.db, "UPDATE orders SET status = 'completed'");

      const claimed = newOrderId(identity.nowMs);
      await shop.db.write((tx) => contact(claimed, ada.customerId, ada.email, tx));
      await expect(erase()).rejects.toMatchObject({
        code: 'orders_open',
        extensions: { orderIds: [claimed] },
      });
      identity.nowMs += HOUR_MS + 1;
      await erase();
      // Whoever takes the placement up after all finds nobody to send it to.
      const { createOrder } = createOrderActivities(shop.store);
      const late = { ...newOrder(), id: claimed, customerId: ada.customerId };
      const opened = await createOrder({ order: late, reserve: true });
      expect(opened).toMatchObject({ outcome: 'customer_erased' });
      expect(await createOrder({ order: late, reserve: true })).toEqual(opened);
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
