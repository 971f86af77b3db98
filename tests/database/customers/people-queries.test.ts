import { insert, type Value } from '../../../db/core/sql';
import { createStore, type Store } from '../../../db/core/store';
import { customerId, firstOrderIdAt, orderId, sessionId } from '../../../domain/shared/ids';
import { createTestStore, DIALECTS, TEST_AUDIT_KEY, type TestStore } from '../../harness/servers/databases';
import { explaining, isSlow } from '../../harness/workflow/plans';

const PEOPLE = 2_000;
const BATCH = 500;
const STARTED_AT_MS = Date.UTC(2026, 0, 1);

const padded = (n: number): string => String(n).padStart(26, '0');
const idOf = (n: number): string => customerId(padded(n));
const emailOf = (n: number): string => `customer${n}@example.com`;

/** Tables as they are in a shop with some thousand accounts. */
const rowsOf = (n: number) => {
  const at = STARTED_AT_MS + n;
  const order = orderId(`${firstOrderIdAt(at).slice(4, 14)}${String(n).padStart(16, '0')}`);
  const token = { id: `ott_${padded(n)}`, purpose: 'password_reset', subject: idOf(n), expires_at_ms: at };
  return {
    customer_contacts: { customer_id: idOf(n), email: emailOf(n), created_at_ms: at },
    accounts: {
      customer_id: idOf(n),
      password_hash: 'x',
      role: n % 400 === 0 ? 'admin' : 'customer',
      created_at_ms: at,
    },
    pending_registrations: {
      token_id: `ott_p${padded(n)}`,
      email: emailOf(n),
      password_hash: 'x',
      expires_at_ms: at,
    },
    one_time_tokens: token,
    sessions: {
      id: sessionId(padded(n)),
      customer_id: idOf(n),
      generation: 1,
      opened_at_ms: at,
      rotated_at_ms: at,
      expires_at_ms: at,
    },
    refresh_tokens: { hash: padded(n), session_id: sessionId(padded(n)), generation: 1 },
    customer_addresses: {
      id: `adr_${padded(n)}`,
      customer_id: idOf(n),
      address: '{}',
      default_shipping: 1,
      default_billing: 1,
      created_at_ms: at,
    },
    order_contacts: { order_id: order, customer_id: idOf(n), email: emailOf(n) },
  } satisfies Record<string, Record<string, Value>>;
};

const TABLES = Object.keys(rowsOf(0)) as (keyof ReturnType<typeof rowsOf>)[];

describe.each(DIALECTS)('the queries about people on %s', (dialect) => {
  let shop: TestStore;
  let recorded: Store;
  const plans: Promise<string[]>[] = [];

  beforeAll(async () => {
    shop = await createTestStore(dialect);
    const { db } = shop;
    for (let from = 0; from < PEOPLE; from += BATCH) {
      const people = Array.from({ length: BATCH }, (_, i) => rowsOf(from + i));
      await db.write(async (tx) => {
        for (const table of TABLES) {
          const rows: Record<string, Value>[] = people.map((person) => person[table]);
          await insert(db, table, rows, { tx });
        }
      });
    }
    await db.sequelize.query(dialect === 'mysql' ? `ANALYZE TABLE ${TABLES.join(', ')}` : 'ANALYZE');
    recorded = createStore(explaining(db, plans), TEST_AUDIT_KEY);
  });
  afterAll(() => shop?.close());

  const soon = STARTED_AT_MS + 100;
  const queries: [string, (s: Store) => Promise<unknown>][] = [
    ['an account', (s) => s.accounts.find(idOf(7))],
    ['an account by its address', (s) => s.accounts.findByEmail(emailOf(7))],
    ['the roles of some customers', (s) => s.accounts.roles([idOf(7), idOf(8)])],
    ['two admins', (s) => s.db.write((tx) => s.accounts.lockSome('admin', tx))],
    ['a customer', (s) => s.contacts.profile(idOf(7))],
    ['a customer by their address', (s) => s.contacts.profileByEmail(emailOf(7))],
    ['a page of customers', (s) => s.contacts.listProfiles({ afterId: idOf(500), limit: 21 })],
    ['a session', (s) => s.sessions.find(sessionId(padded(7)))],
    ['the sessions of a customer', (s) => s.sessions.ofCustomer(idOf(7), 0)],
    ['sessions that have expired', (s) => s.db.write((tx) => s.sessions.expired(soon, 20, tx))],
    ['a refresh token', (s) => s.sessions.findToken(padded(7))],
    ['a one-time token', (s) => s.oneTimeTokens.find(`ott_${padded(7)}`)],
    [
      'one-time tokens that have expired',
      (s) => s.db.write((tx) => s.oneTimeTokens.removeExpired(soon, 20, tx)),
    ],
    ['a registration that waits', (s) => s.registrations.find(`ott_p${padded(7)}`)],
    [
      'registrations that have expired',
      (s) => s.db.write((tx) => s.registrations.removeExpired(soon, 20, tx)),
    ],
    ['an address book', (s) => s.addresses.ofCustomer(idOf(7))],
    [
      'the open orders of a customer',
      (s) => s.db.write((tx) => s.personalData.openOrders(idOf(7), 0, 20, tx)),
    ],
    ['orders of a customer that are not opened', (s) => s.personalData.unopenedOrders(idOf(7))],
    [
      'a page of what the log says of an account',
      (s) => s.log.ofStream(idOf(7), { afterSeq: 50, limit: 50 }),
    ],
  ];

  test.each(queries)('%s: read from an index in its order', async (_, query) => {
    plans.length = 0;
    await query(recorded);
    const steps = (await Promise.all(plans)).flat();
    expect(steps.length).toBeGreaterThan(0);
    expect(steps.filter(isSlow)).toEqual([]);
  });
});
