import { insert, type SqlValue } from '../../../db/core/sql';
import { createStore, type Store } from '../../../db/core/store';
import { customerId, minOrderIdAt, orderId, sessionId } from '../../../domain/shared/ids';
import { createTestStore, DIALECTS, TEST_AUDIT_KEY, type TestStore } from '../../harness/servers/databases';
import { isSlowPlanStep, recordQueryPlans } from '../../harness/workflow/query-plans';

const CUSTOMER_COUNT = 2_000;
const BATCH = 500;
const STARTED_AT_MS = Date.UTC(2026, 0, 1);

const padId = (n: number): string => String(n).padStart(26, '0');
const buildCustomerId = (n: number): string => customerId(padId(n));
const buildEmail = (n: number): string => `customer${n}@example.com`;

/** Rows of a shop with some thousand accounts. */
const buildCustomerRows = (n: number) => {
  const at = STARTED_AT_MS + n;
  const order = orderId(`${minOrderIdAt(at).slice(4, 14)}${String(n).padStart(16, '0')}`);
  const token = {
    id: `ott_${padId(n)}`,
    purpose: 'password_reset',
    subject: buildCustomerId(n),
    expires_at_ms: at,
  };
  return {
    customer_contacts: { customer_id: buildCustomerId(n), email: buildEmail(n), created_at_ms: at },
    accounts: {
      customer_id: buildCustomerId(n),
      password_hash: 'x',
      role: n % 400 === 0 ? 'admin' : 'customer',
      created_at_ms: at,
    },
    pending_registrations: {
      token_id: `ott_p${padId(n)}`,
      email: buildEmail(n),
      password_hash: 'x',
      expires_at_ms: at,
    },
    one_time_tokens: token,
    sessions: {
      id: sessionId(padId(n)),
      customer_id: buildCustomerId(n),
      generation: 1,
      opened_at_ms: at,
      rotated_at_ms: at,
      expires_at_ms: at,
    },
    refresh_tokens: { hash: padId(n), session_id: sessionId(padId(n)), generation: 1 },
    customer_addresses: {
      id: `adr_${padId(n)}`,
      customer_id: buildCustomerId(n),
      address: '{}',
      default_shipping: 1,
      default_billing: 1,
      created_at_ms: at,
    },
    order_contacts: { order_id: order, customer_id: buildCustomerId(n), email: buildEmail(n) },
  } satisfies Record<string, Record<string, SqlValue>>;
};

const TABLES = Object.keys(buildCustomerRows(0)) as (keyof ReturnType<typeof buildCustomerRows>)[];

describe.each(DIALECTS)('customer queries on %s', (dialect) => {
  let shop: TestStore;
  let recorded: Store;
  const plans: Promise<string[]>[] = [];

  beforeAll(async () => {
    shop = await createTestStore(dialect);
    const { db } = shop;
    for (let from = 0; from < CUSTOMER_COUNT; from += BATCH) {
      const customers = Array.from({ length: BATCH }, (_, i) => buildCustomerRows(from + i));
      await db.write(async (tx) => {
        for (const table of TABLES) {
          const rows: Record<string, SqlValue>[] = customers.map((customer) => customer[table]);
          await insert(db, table, rows, { tx });
        }
      });
    }
    await db.sequelize.query(dialect === 'mysql' ? `ANALYZE TABLE ${TABLES.join(', ')}` : 'ANALYZE');
    recorded = createStore(recordQueryPlans(shop, plans), TEST_AUDIT_KEY);
  });
  afterAll(async () => {
    await recorded?.db.close();
    await shop?.close();
  });

  const cutoffMs = STARTED_AT_MS + 100;
  const queries: [string, (s: Store) => Promise<unknown>][] = [
    ['an account', (s) => s.accounts.find(buildCustomerId(7))],
    ['an account by email address', (s) => s.accounts.findByEmail(buildEmail(7))],
    ['the roles of several customers', (s) => s.accounts.findRoles([buildCustomerId(7), buildCustomerId(8)])],
    ['the accounts of a role, locked', (s) => s.db.write((tx) => s.accounts.lockByRole('admin', tx))],
    ['a customer', (s) => s.contacts.findProfile(buildCustomerId(7))],
    ['a customer by email address', (s) => s.contacts.findProfileByEmail(buildEmail(7))],
    ['a page of customers', (s) => s.contacts.listProfiles({ afterId: buildCustomerId(500), limit: 21 })],
    ['a session', (s) => s.sessions.find(sessionId(padId(7)))],
    ['the sessions of a customer', (s) => s.sessions.findByCustomer(buildCustomerId(7), 0)],
    ['expired sessions', (s) => s.db.write((tx) => s.sessions.findExpired(cutoffMs, 20, tx))],
    ['a refresh token', (s) => s.sessions.findToken(padId(7))],
    ['a one-time token', (s) => s.oneTimeTokens.find(`ott_${padId(7)}`)],
    ['expired one-time tokens', (s) => s.db.write((tx) => s.oneTimeTokens.removeExpired(cutoffMs, 20, tx))],
    ['a pending registration', (s) => s.registrations.find(`ott_p${padId(7)}`)],
    ['expired registrations', (s) => s.db.write((tx) => s.registrations.removeExpired(cutoffMs, 20, tx))],
    ['an address book', (s) => s.addresses.findByCustomer(buildCustomerId(7))],
    [
      'the open orders of a customer',
      (s) => s.db.write((tx) => s.personalData.findOpenOrders(buildCustomerId(7), 0, 20, tx)),
    ],
    [
      'placements of a customer without an order',
      (s) => s.personalData.findPendingPlacements(buildCustomerId(7)),
    ],
    [
      'a page of the events of an account',
      (s) => s.log.findByStream(buildCustomerId(7), { afterSeq: 50, limit: 50 }),
    ],
  ];

  test.each(queries)('%s: read in index order', async (_, query) => {
    plans.length = 0;
    await query(recorded);
    const steps = (await Promise.all(plans)).flat();
    expect(steps.length).toBeGreaterThan(0);
    expect(steps.filter(isSlowPlanStep)).toEqual([]);
  });
});
