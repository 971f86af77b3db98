import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Order } from '../../../api/orders/schemas';
import type { Child } from '../../../dev/launcher/supervisor';
import { eventually } from '../../harness/eventually';
import { CHROMIUM_FLAGS, findChromium } from '../../harness/servers/chromium';
import { DIALECTS } from '../../harness/servers/databases';
import { getServerConfig } from '../../harness/servers/server-config';
import { type System, startSystem } from '../../harness/servers/system';
import { startTcpProxy, type TcpProxy } from '../../harness/servers/tcp-proxy';
import { buildOrderRequest, expectProblem } from '../orders/orders';

interface Readiness {
  status: string;
  checks: Record<string, boolean>;
}

const CHROMIUM = findChromium();
const SMTP_PASSWORD = 'smtp-pa55word';
const API_KEY = 'sk_test_s3cret';

const startProxy = (host: string, port: number): Promise<TcpProxy> => startTcpProxy({ host, port });
const getReadiness = async (system: System) => {
  const { status, body } = await system.request<Readiness>('/readyz');
  return { status, ...body.checks };
};
const waitUntilReady = (system: System) =>
  eventually('ready', async () => (await getReadiness(system)).status === 200, 120_000);

describe('the running system', () => {
  let system: System;
  let withoutTemporal: Child;
  beforeAll(async () => {
    system = await startSystem({
      dialect: 'sqlite',
      env: {
        STRIPE_API_KEY: API_KEY,
        // The mail server is unreachable: the failed delivery is logged.
        SMTP_URL: `smtp://mailer:${SMTP_PASSWORD}@127.0.0.1:1?requireTLS=false`,
      },
    });
    // It retries for a while before it exits.
    withoutTemporal = system.launchProcess({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
  });
  afterAll(() => system?.close());

  test('reports that it is running and ready', async () => {
    expect(await system.request('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(await getReadiness(system)).toEqual({
      status: 200,
      database: true,
      temporal: true,
      workers: true,
    });
  });

  test('the API reference works without external assets', async () => {
    const root = await system.request('/');
    expect([root.status, root.headers.location]).toEqual([302, '/docs/']);
    const page = await system.request('/docs/');
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '');
    expect(assets.length).toBeGreaterThan(3);
    for (const asset of assets) {
      expect(asset).toMatch(/^\.\//);
      expect([asset, (await system.request(`/docs/${asset.slice(2)}`)).status]).toEqual([asset, 200]);
    }
  });

  // `npm test` warns when there is no browser, and fails when no suite may be skipped.
  (CHROMIUM === undefined ? test.skip : test)('a browser renders the API reference', async () => {
    const flags = [...CHROMIUM_FLAGS, '--virtual-time-budget=10000'];
    const { stdout } = await promisify(execFile)(
      CHROMIUM ?? '',
      [...flags, '--dump-dom', `${system.url}/docs/`],
      {
        maxBuffer: 32 * 1024 * 1024,
        timeout: 60_000,
      },
    );
    expect(stdout).toContain('Place an order');
    expect(stdout).toContain('/api/orders/{id}/cancel');
  });

  test('every response has the security headers for browsers', async () => {
    const { headers } = await system.request('/api/orders');
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("default-src 'self'"),
    });
    expect(headers['x-powered-by']).toBeUndefined();
  });

  test('logs request and order ids, but no personal data and no secrets', async () => {
    const body = {
      ...buildOrderRequest(),
      customer: { email: 'grace.private@mail.example', name: 'Grace Secretname', phone: '+49 30 5550199' },
    };
    body.shippingAddress = { ...body.shippingAddress, name: 'Grace Secretname', line1: '7 Hidden Lane' };
    const placed = await system.placeOrder(body, {
      'x-request-id': 'request-of-grace',
      'idempotency-key': 'k-9f',
    });
    await system.placeOrder({ ...body, note: 'Grace Secretname' });
    await system.request(`/api/orders/${placed.body.id}?email=grace.private@mail.example`);
    await system.request(`/api/orders/${placed.body.id}/cancel`, {
      body: { reason: 'Grace Secretname moved' },
    });
    await system.waitForStatus(placed.body.id, 'cancelled');
    await eventually('a failed mail in the log', () => system.readLog().includes('sendNotifications'));

    const lines = system.readLog().split('\n');
    const line = lines.find((l) => l.includes(placed.body.id) && l.includes('request-of-grace'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ orderId: placed.body.id, msg: 'order placed' });
    for (const secret of [
      'grace.private',
      'Secretname',
      'Hidden Lane',
      '5550199',
      SMTP_PASSWORD,
      API_KEY,
      '07'.repeat(32),
      'k-9f',
    ]) {
      expect(lines.filter((l) => l.toLowerCase().includes(secret.toLowerCase()))).toEqual([]);
    }
  });

  test('completes the placement in flight on shutdown and exits with 0; the next process serves the order', async () => {
    await system.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_500 });
    const known = (await system.listIntents()).length;
    const response = system.placeOrder(buildOrderRequest());
    await eventually('a payment in flight', async () => (await system.listIntents()).length > known);

    const exit = await system.stop();

    expect(await response).toMatchObject({ status: 201, body: { status: 'confirmed' } });
    expect(exit).toEqual({ code: 0, signal: null });
    await system.start();
    const { body } = await system.request((await response).headers.location ?? '');
    expect(body).toMatchObject({ status: 'confirmed', payment: 'paid' });
  });

  test('exits with a message about missing configuration that contains no secret', async () => {
    const unconfigured = system.launchProcess({ AUDIT_KEY: '', SMTP_URL: 'http://user:hush@127.0.0.1' });
    expect(await unconfigured.exited).toEqual({ code: 1, signal: null });
    const messages = readFileSync(unconfigured.logFile, 'utf8');
    expect(messages).toContain('AUDIT_KEY is not set');
    expect(messages).toContain('SMTP_URL must begin with smtp://');
    expect(messages).not.toContain('hush');

    expect(await withoutTemporal.exited).toEqual({ code: 1, signal: null });
    const message = readFileSync(withoutTemporal.logFile, 'utf8');
    expect(message).toMatch(/^Temporal at 127\.0\.0\.1:1, namespace default, is unavailable: /);
  });
});

describe('while Temporal is unavailable', () => {
  let system: System;
  let proxy: TcpProxy;
  let order: Order;
  beforeAll(async () => {
    const [host = '', port = ''] = getServerConfig().temporalAddress.split(':');
    proxy = await startProxy(host, Number(port));
    system = await startSystem({
      dialect: 'sqlite',
      env: { TEMPORAL_ADDRESS: `127.0.0.1:${proxy.port}` },
    });
    order = (await system.placeOrder(buildOrderRequest())).body;
    proxy.disconnect();
  });
  afterAll(async () => {
    await system?.close();
    await proxy?.close();
  });

  test('reports it, serves reads, rejects placements, and a retry with the key creates one order', async () => {
    await eventually('not ready', async () => (await getReadiness(system)).status === 503);
    expect(await getReadiness(system)).toMatchObject({ database: true, temporal: false });
    expect((await system.request('/healthz')).status).toBe(200);
    expect(await system.getOrder(order.id)).toMatchObject({ status: 'confirmed' });
    const [body, key] = [buildOrderRequest(), { 'idempotency-key': 'while-unavailable' }];
    const startedMs = performance.now();
    const [history, strong, rejected, asynchronous] = await Promise.all([
      system.getHistory(order.id),
      system.request(`/api/orders/${order.id}?consistency=strong`),
      system.placeOrder(body, { ...key, prefer: 'wait=2' }),
      system.placeOrder(buildOrderRequest(), { prefer: 'respond-async' }),
    ]);
    expect(performance.now() - startedMs).toBeLessThan(15_000);
    expectProblem(asynchronous, 503, 'service_unavailable');
    expect(asynchronous.text).toContain('It is unknown whether the order was accepted.');
    expect(history.workflow).toBeNull();
    expect(history.entries.map((e) => e.type)).toContain('OrderConfirmed');
    expectProblem(strong, 503, 'service_unavailable');
    expectProblem(rejected, 503, 'service_unavailable');
    expect(Number(rejected.headers['retry-after'])).toBeGreaterThan(0);

    proxy.reconnect();
    await waitUntilReady(system);
    const retried = await eventually(
      'the order placed',
      async () => {
        const response = await system.placeOrder(body, key);
        return response.status === 201 && response;
      },
      120_000,
    );

    expect(await system.listOrders(`&customerId=${retried.body.customerId}`)).toHaveLength(1);
    expect(await system.listIntents(retried.body.id)).toHaveLength(1);
  });
});

(DIALECTS.includes('mysql') ? describe : describe.skip)('while the database is unavailable', () => {
  let system: System;
  let proxy: TcpProxy;
  beforeAll(async () => {
    system = await startSystem({
      dialect: 'mysql',
      databaseUrl: async (directUrl) => {
        const url = new URL(directUrl);
        proxy = await startProxy(url.hostname, Number(url.port));
        url.port = String(proxy.port);
        return url.toString();
      },
    });
  });
  afterAll(async () => {
    await system?.close();
    await proxy?.close();
  });

  test('reports it and rejects placements; an order in flight completes after it recovers', async () => {
    await system.injectFault({ operation: 'confirm', mode: 'delay', delayMs: 1_500 });
    const { body: placed } = await system.placeOrder(buildOrderRequest(), { prefer: 'respond-async' });
    await eventually('a payment in flight', async () => (await system.listIntents(placed.id)).length === 1);
    proxy.disconnect();

    await eventually('not ready', async () => (await getReadiness(system)).status === 503);
    expect(await getReadiness(system)).toMatchObject({ database: false, temporal: true });
    expect((await system.request('/healthz')).status).toBe(200);
    const rejected = await system.placeOrder(buildOrderRequest(), { 'idempotency-key': 'no-database' });
    expectProblem(rejected, 503, 'service_unavailable');
    expect(Number(rejected.headers['retry-after'])).toBeGreaterThan(0);
    expectProblem(await system.request(`/api/orders/${placed.id}`), 503, 'service_unavailable');

    proxy.reconnect();
    await waitUntilReady(system);
    expect(await system.waitForStatus(placed.id, 'confirmed', 60_000)).toMatchObject({ payment: 'paid' });
    expect(await system.listIntents(placed.id)).toHaveLength(1);
    expect((await system.placeOrder(buildOrderRequest())).status).toBe(201);
  });
});
