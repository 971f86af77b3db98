import { readFileSync } from 'node:fs';
import type { Order } from '../../api/orders/schemas';
import { APPEND_ONLY_TABLES } from '../../db/core/grants';
import { eventually } from '../harness/eventually';
import { sendRequest } from '../harness/http/http-client';
import { getServerConfig } from '../harness/servers/server-config';
import { startTcpProxy, type TcpProxy } from '../harness/servers/tcp-proxy';
import { buildOrderRequest, DECLINED_CARD } from '../system/orders/orders';
import { ProductionDeployment, runQuery, type ServedProcess } from './production-deployment';

jest.setTimeout(300_000);

const adminUrl = getServerConfig().mysqlAdminUrl;
/** The stock of the product; each order takes one unit, and every tenth card is declined. */
const ORDER_COUNT = 50;
const SKU = 'limited-50';
const ORDER_REQUESTS = Array.from({ length: ORDER_COUNT }, (_, i) =>
  buildOrderRequest({ [SKU]: 1 }, i % 10 === 9 ? { method: DECLINED_CARD } : {}),
);

const MIGRATIONS_PENDING = 'migrations pending: 001-initial';

(adminUrl === undefined ? describe.skip : describe)('the built system as several processes', () => {
  let production: ProductionDeployment;
  /** Temporal's address for the processes that start before it is reachable. */
  let proxy: TcpProxy;
  let apis: ServedProcess[];
  let sequencers: ServedProcess[];
  /** Authorizes as a machine client with all permissions. */
  let headers: Record<string, string>;

  beforeAll(async () => {
    const [host = '', port = ''] = getServerConfig().temporalAddress.split(':');
    proxy = await startTcpProxy({ host, port: Number(port) });
    production = await ProductionDeployment.build(adminUrl ?? '');
  });
  afterAll(async () => {
    await production?.close();
    await proxy?.close();
  });

  const api = (i: number, path: string): string => `${apis[i % apis.length]?.url}/api${path}`;
  const order = async (id: string) => (await sendRequest<Order>(api(0, `/orders/${id}`), { headers })).body;
  const waitForStatus = (id: string, status: Order['status']) =>
    eventually(`order ${id} ${status}`, async () => (await order(id)).status === status, 120_000);
  const placeOrder = (i: number, apiIndex: number) =>
    sendRequest<Order>(api(apiIndex, '/orders'), {
      body: ORDER_REQUESTS[i],
      headers: { 'idempotency-key': `processes-${i}`, prefer: 'wait=20' },
    });

  /** The lease's holder is `host:process:…`. */
  const getLeader = async (): Promise<ServedProcess> => {
    const [lease] = await production.queryAsAdmin<{ holder: string }>(
      "SELECT holder FROM orders.leases WHERE name = 'sequencer'",
    );
    const leader = sequencers.find(({ child }) => lease?.holder.split(':')[1] === String(child.pid));
    if (leader === undefined) throw new Error(`No sequencer has the lease of ${lease?.holder}.`);
    return leader;
  };

  test('rejects SQLite in separate processes with one sentence', async () => {
    const rejected = await Promise.all(
      ['api/main.js', 'workers/main.js', 'workers/sequencer-main.js', 'system/main.js'].map((script) =>
        production.startProcess(script, script === 'system/main.js' ? ['--queues', 'orders'] : [], {
          DATABASE_URL: '',
        }),
      ),
    );
    for (const { child } of rejected) {
      expect(await child.exited).toEqual({ code: 1, signal: null });
      expect(readFileSync(child.logFile, 'utf8')).toMatch(/^SQLite supports one process only: .*\n$/);
    }
  });

  test('processes started before Temporal and the migrations report what is missing, then become ready', async () => {
    proxy.disconnect();
    const unreachableTemporal = { TEMPORAL_ADDRESS: `127.0.0.1:${proxy.port}` };
    const early = await Promise.all([
      production.startProcess('api/main.js', [], unreachableTemporal),
      production.startProcess('workers/main.js', ['--queues', 'orders'], unreachableTemporal),
      production.startProcess('workers/sequencer-main.js', [], unreachableTemporal),
    ]);
    for (const process of early) {
      await process.waitUntilAlive();
      // On a busy machine the first database probe may time out.
      await eventually('missing dependencies', async () => {
        const { status, missing } = await process.getReadiness();
        expect(status).toBe('not_ready');
        return (
          missing.includes('temporal') &&
          missing.some((description) => description.startsWith(MIGRATIONS_PENDING))
        );
      });
    }

    // Two concurrent deployments: one migrates, the other waits for it.
    await Promise.all([production.runMigrations('migrate-a'), production.runMigrations('migrate-b')]);
    headers = { authorization: `Bearer ${await production.createMachineToken()}` };
    proxy.reconnect();
    const [api, ...others] = early;
    await Promise.all(others.map((process) => process.waitUntilReady()));
    // Without a payments worker orders would wait with their stock reserved.
    const missing = await eventually('only the payments worker missing', async () => {
      const readiness = await api?.getReadiness();
      return readiness?.missing.length === 1 && readiness.missing;
    });
    expect(missing).toEqual(['workers of payments']);
    const payments = await production.startProcess('workers/main.js', ['--queues', 'payments']);
    early.push(payments);
    await Promise.all(early.map((process) => process.waitUntilReady()));
    for (const { child } of early) expect(await child.stop()).toEqual({ code: 0, signal: null });
  });

  test('decides every order once while a worker and the leading sequencer are killed, then cancels orders', async () => {
    const worker = await production.startProcess('workers/main.js', ['--queues', 'orders']);
    const parts = await Promise.all([
      production.startProcess('workers/main.js', ['--queues', 'payments,notifications']),
      production.startProcess('workers/sequencer-main.js'),
      production.startProcess('workers/sequencer-main.js'),
      production.startProcess('api/main.js', [], { DRAIN_MS: '1000' }),
      production.startProcess('system/main.js', ['--queues', 'orders']),
    ]);
    sequencers = parts.slice(1, 3);
    apis = parts.slice(3);
    await Promise.all([worker, ...parts].map((process) => process.waitUntilReady()));

    const responses = Promise.all(ORDER_REQUESTS.map((_, i) => placeOrder(i, i)));
    await eventually('payments in flight', async () => (await production.listIntents()).length > 5);
    await worker.child.kill();
    await (await getLeader()).child.kill();
    await (await production.startProcess('workers/main.js', ['--queues', 'orders'])).waitUntilReady();
    for (const { status } of await responses) expect([201, 202, 402]).toContain(status);

    // The same request to the other API returns the decision.
    const decided = await Promise.all(
      ORDER_REQUESTS.map((_, i) =>
        eventually(
          `order ${i} decided`,
          async () => {
            const response = await placeOrder(i, i + 1);
            return response.status !== 202 && response;
          },
          120_000,
        ),
      ),
    );
    expect(decided.map(({ status }) => status)).toEqual(
      ORDER_REQUESTS.map(({ payment }) => (payment.method === DECLINED_CARD ? 402 : 201)),
    );
    const confirmed = decided.filter(({ status }) => status === 201).map(({ body }) => body.id);
    expect(new Set(confirmed).size).toBe(ORDER_COUNT * 0.9);

    const cancelled = confirmed.slice(0, 5);
    for (const [i, id] of cancelled.entries()) {
      const { status } = await sendRequest(api(i, `/orders/${id}/cancel`), { body: {}, headers });
      expect([200, 202]).toContain(status);
    }
    await Promise.all(cancelled.map((id) => waitForStatus(id, 'cancelled')));
    const remaining = confirmed.slice(cancelled.length);
    await Promise.all(remaining.map((id) => waitForStatus(id, 'confirmed')));

    const intents = await production.listIntents();
    for (const id of confirmed) {
      const orderIntents = intents.filter((intent) => intent.order_id === id);
      const netMinor = orderIntents.reduce((sum, i) => sum + i.amount_captured - i.amount_refunded, 0);
      expect([id, orderIntents.length, netMinor > 0]).toEqual([id, 1, remaining.includes(id)]);
    }
    const stock = (await sendRequest(api(0, `/inventory/${SKU}`), { headers })).body;
    expect(stock).toMatchObject({ onHand: ORDER_COUNT, reserved: remaining.length });
  });

  test('the standby sequencer takes over: every event is published once, every mail is sent', async () => {
    await eventually(
      'all events published',
      async () => {
        const [row] = await production.queryAsAdmin<
          Record<'waiting' | 'events' | 'published' | 'last', number>
        >(
          `SELECT (SELECT COUNT(*) FROM orders.event_outbox) AS waiting,
                (SELECT COUNT(*) FROM orders.events) AS events,
                (SELECT COUNT(*) FROM orders.event_feed) AS published,
                (SELECT MAX(position) FROM orders.event_feed) AS last`,
        );
        return row?.waiting === 0 && row.published === row.events && row.last === row.events;
      },
      120_000,
    );
    for (const { customer } of ORDER_REQUESTS) {
      const to = customer.email;
      const mails = () => production.mail.store.list({ to, limit: 10 }).data;
      await eventually(`a mail to ${to}`, () => mails().length > 0, 120_000);
    }
  });

  test('the runtime account cannot change append-only tables, nor any schema', async () => {
    const databaseUrl = production.appDatabaseUrl;
    for (const table of APPEND_ONLY_TABLES) {
      for (const sql of [
        `UPDATE ${table} SET order_id = 'x'`,
        `DELETE FROM ${table}`,
        `REPLACE INTO ${table} SELECT * FROM ${table}`,
        `TRUNCATE TABLE ${table}`,
        `ALTER TABLE ${table} ADD COLUMN x INT`,
        `DROP TABLE ${table}`,
      ]) {
        await expect(runQuery(databaseUrl, sql)).rejects.toThrow(/command denied/);
      }
    }
    for (const sql of [
      'DROP TRIGGER events_no_update',
      'CREATE TABLE mine (x INT)',
      "INSERT INTO migrations (name) VALUES ('x')",
      'DROP DATABASE orders',
      'GRANT SELECT ON orders.events TO orders_app',
    ]) {
      await expect(runQuery(databaseUrl, sql)).rejects.toThrow(/denied|not allowed/);
    }
    const protectedTables = await production.queryAsAdmin<{ name: string }>(
      `SELECT DISTINCT event_object_table AS name FROM information_schema.triggers
       WHERE trigger_schema = 'orders' AND action_statement LIKE '%is append-only%' ORDER BY name`,
    );
    expect(protectedTables.map(({ name }) => name)).toEqual(APPEND_ONLY_TABLES);
  });

  test('all processes stop with exit code 0 and release their leases', async () => {
    const running = production.processes.filter(({ child }) => child.exitStatus() === undefined);
    expect(running).toHaveLength(5);
    const exits = Promise.all(running.map(({ child }) => child.stop(30_000)));
    // The API with DRAIN_MS is not ready first, and still answers.
    await eventually('not ready', async () => {
      const readiness = await apis[0]?.getReadiness();
      return readiness?.missing.includes('the process is stopping');
    });
    expect(await exits).toEqual(running.map(() => ({ code: 0, signal: null })));
    expect(await production.queryAsAdmin('SELECT name FROM orders.leases')).toEqual([]);
  });
});
