import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ulid } from 'ulid';
import type { InventoryItem } from '../../../api/inventory/schemas';
import type { Order, OrderHistory, OrderSummary } from '../../../api/orders/schemas';
import { connect } from '../../../db/core/connect';
import { createMigrator } from '../../../db/core/migrate';
import { seed } from '../../../db/core/seed';
import { findFreePort } from '../../../dev/launcher/ports';
import {
  type Child,
  type ChildSpec,
  type ExitStatus,
  isUrlReachable,
  startChild,
  waitUntilReady,
} from '../../../dev/launcher/supervisor';
import type { BookRow, BookTotals } from '../../../dev/payment-simulator/books';
import type { FaultRequest } from '../../../dev/payment-simulator/faults';
import { type RunningSimulator, startSimulator } from '../../../dev/payment-simulator/start';
import { eventually } from '../eventually';
import { type HttpRequest, type HttpResponse, sendRequest } from '../http/http-client';
import { findContractViolations } from '../http/openapi-contract';
import { getSystemScript } from './compiled-system';
import { createDatabase, type Dialect, TEST_AUDIT_KEY } from './databases';
import { createMachineToken } from './machine-token';
import { startMailServer, type TestMailServer } from './mail-server';
import { getServerConfig } from './server-config';

const TEST_TIMEOUT_MS = 300_000;
jest.setTimeout(TEST_TIMEOUT_MS);

const HOST = '127.0.0.1';
const READY_TIMEOUT_MS = 60_000;
const LIST_LIMIT = 1_000;

export interface SystemOptions {
  dialect: Dialect;
  env?: Record<string, string>;
  /** Maps the real database URL to the URL that the system connects to (for example a proxy). */
  databaseUrl?: (url: string) => Promise<string>;
}

interface Page<T> {
  data: T[];
  nextCursor: string | null;
}

/**
 * The system under test in its own process, accessed over HTTP. The payment simulator and the mail catcher run in the
 * test's process: they survive a kill of the system, and their records are independent of it.
 */
export class System {
  private child: Child | undefined;
  private readonly logFiles: string[] = [];

  private constructor(
    readonly url: string,
    /** API key of a machine with all scopes. */
    readonly token: string,
    readonly dialect: Dialect,
    /** Prefix of the task queues. */
    readonly taskQueuePrefix: string,
    readonly mails: TestMailServer,
    readonly env: Record<string, string>,
    private readonly command: Pick<ChildSpec, 'command' | 'args'>,
    private readonly simulator: RunningSimulator,
    private readonly dir: string,
    private readonly cleanUp: () => Promise<void>,
  ) {}

  /** Creates the database, the simulator and the mail server. The test calls `start`. */
  static async create({ dialect, env, databaseUrl }: SystemOptions): Promise<System> {
    const command = await getSystemScript('dev/launcher/system.js');
    const dir = mkdtempSync(join(tmpdir(), 'system-'));
    const database = await createDatabase(dialect);
    await migrateAndSeed(database.url);
    const simulator = await startSimulator({ journalFile: join(dir, 'simulator.jsonl') });
    const mail = await startMailServer();
    const port = await findFreePort();
    const prefix = `sys-${ulid()}-`;
    const environment = {
      PATH: process.env.PATH ?? '',
      PORT: String(port),
      DATA_DIR: dir,
      DATABASE_URL: (await databaseUrl?.(database.url)) ?? database.url,
      TEMPORAL_ADDRESS: getServerConfig().temporalAddress,
      TASK_QUEUE_PREFIX: prefix,
      STRIPE_API_KEY: 'sk_test_system',
      STRIPE_API_URL: simulator.url,
      SMTP_URL: mail.smtpUrl,
      AUDIT_KEY: TEST_AUDIT_KEY.toString('hex'),
      LOG_LEVEL: 'info',
      // Tests send more requests than the limits allow.
      RATE_LIMIT_ADDRESS: '0',
      RATE_LIMIT_PRINCIPAL: '0',
      RATE_LIMIT_PLACEMENT: '0',
      RATE_LIMIT_LOGIN: '0',
      RATE_LIMIT_MAILBOX: '0',
      ...env,
    };
    const cleanUp = async () => {
      await simulator.close();
      await mail.mails.stop();
      await database.drop();
      rmSync(dir, { recursive: true, force: true });
    };
    const token = await createMachineToken(environment, database.url);
    const url = `http://${HOST}:${port}`;
    return new System(url, token, dialect, prefix, mail.mails, environment, command, simulator, dir, cleanUp);
  }

  /** The actor that events record for `token`. */
  get machineActor(): string {
    return `machine:${this.token.split('_', 2).join('_')}`;
  }

  /** Starts the process and waits for readiness. @throws Error with the last lines of its log. */
  async start(): Promise<void> {
    this.child = this.launchProcess();
    await waitUntilReady(this.child, () => isUrlReachable(`${this.url}/readyz`), READY_TIMEOUT_MS);
  }

  /** Starts one more process of the system, or another command with its environment. The test stops it. */
  launchProcess(env: Record<string, string> = {}, command = this.command): Child {
    const logFile = join(this.dir, `system-${this.logFiles.length}.log`);
    this.logFiles.push(logFile);
    return startChild({
      name: 'orders system',
      ...command,
      env: { ...this.env, ...env },
      logFile,
    });
  }

  /** @returns the findings of `npm run verify -- --json`, one a line. */
  async verify(): Promise<string[]> {
    const child = this.launchProcess({}, await getSystemScript('cli/verify.js', '--json'));
    const { code } = await child.exited;
    const lines = readFileSync(child.logFile, 'utf8').trimEnd().split('\n');
    return code === 0 ? [] : lines;
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.child?.kill();
  }

  /** `kill -9` if it is running, then starts it. */
  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Sends SIGTERM. @returns the exit status. */
  stop(): Promise<ExitStatus> {
    if (this.child === undefined) throw new Error('The system was not started.');
    return this.child.stop(30_000);
  }

  /** The output of all its processes. */
  readLog(): string {
    return this.logFiles.map((file) => readFileSync(file, 'utf8')).join('');
  }

  /**
   * Sends a request with the machine's token, unless the request sets `authorization` (`''`: no credentials).
   * @throws Error when the response violates the OpenAPI document.
   */
  async request<T = Order>(
    path: string,
    { headers = {}, ...request }: HttpRequest = {},
  ): Promise<HttpResponse<T>> {
    const { authorization = `Bearer ${this.token}`, ...otherHeaders } = headers;
    const credential: Record<string, string> = authorization === '' ? {} : { authorization };
    const response = await sendRequest<T>(`${this.url}${path}`, {
      ...request,
      headers: { ...otherHeaders, ...credential },
    });
    const method =
      request.method ?? (request.body === undefined && request.raw === undefined ? 'GET' : 'POST');
    const violations = findContractViolations(method, path, response);
    if (violations.length > 0) throw new Error(`${violations.join('\n')}\n${response.text.slice(0, 1_000)}`);
    return response;
  }

  placeOrder<T = Order>(body: unknown, headers: Record<string, string> = {}): Promise<HttpResponse<T>> {
    return this.request<T>('/api/orders', { body, headers });
  }

  async getOrder(id: string): Promise<Order> {
    const { status, body, text } = await this.request(`/api/orders/${id}`);
    if (status !== 200) throw new Error(`GET /api/orders/${id} returned ${status}: ${text}`);
    return body;
  }

  waitForStatus(id: string, status: Order['status'], timeoutMs?: number): Promise<Order> {
    return eventually(
      `order ${id} to be ${status}`,
      async () => {
        const order = await this.getOrder(id);
        return order.status === status && order;
      },
      timeoutMs,
    );
  }

  async getHistory(id: string): Promise<OrderHistory> {
    return (await this.request<OrderHistory>(`/api/orders/${id}/history`)).body;
  }

  /** @returns all orders, newest first. */
  listOrders(query = ''): Promise<OrderSummary[]> {
    return this.listAll('/api/orders', `limit=100${query}`);
  }

  /** @returns all entries of a list, read page by page. */
  async listAll<T>(path: string, query: string): Promise<T[]> {
    const entries: T[] = [];
    let cursor: string | null = null;
    do {
      const next: string = cursor === null ? '' : `&cursor=${cursor}`;
      const { status, body, text } = await this.request<Page<T>>(`${path}?${query}${next}`);
      if (status !== 200) throw new Error(`GET ${path} returned ${status}: ${text}`);
      entries.push(...body.data);
      cursor = body.nextCursor;
    } while (cursor !== null);
    return entries;
  }

  async getStock(sku: string): Promise<Pick<InventoryItem, 'onHand' | 'reserved' | 'available'>> {
    const { onHand, reserved, available } = (await this.request<InventoryItem>(`/api/inventory/${sku}`)).body;
    return { onHand, reserved, available };
  }

  /** Payment intents in the simulator's records, of one order or of all. */
  async listIntents(orderId?: string): Promise<BookRow[]> {
    const filter = orderId === undefined ? '' : `&order_id=${orderId}`;
    return (await this.fetchLedger<{ data: BookRow[] }>(`/intents?limit=${LIST_LIMIT}${filter}`)).data;
  }

  getTotals(): Promise<BookTotals> {
    return this.fetchLedger('');
  }

  async listDoublePayments(): Promise<unknown[]> {
    return (await this.fetchLedger<{ data: unknown[] }>('/double-payments')).data;
  }

  private async fetchLedger<T>(path: string): Promise<T> {
    return (await sendRequest<T>(`${this.simulator.url}/_simulator/books${path}`)).body;
  }

  /** Makes the payment simulator fail; modes and operations: dev/payment-simulator/faults.ts. */
  async injectFault(fault: FaultRequest): Promise<void> {
    const { status, text } = await sendRequest(`${this.simulator.url}/_simulator/faults`, { body: fault });
    if (status !== 201) throw new Error(text);
  }

  async clearFaults(): Promise<void> {
    await sendRequest(`${this.simulator.url}/_simulator/faults`, { method: 'DELETE' });
  }

  async close(): Promise<void> {
    await this.kill();
    await this.cleanUp();
  }
}

/** Starts a system with its own database, simulator and mail server, and waits until it is ready. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const system = await System.create(options);
  try {
    await system.start();
  } catch (error) {
    await system.close();
    throw error;
  }
  return system;
}

async function migrateAndSeed(url: string): Promise<void> {
  const db = connect({ url, poolSize: 2 });
  try {
    await createMigrator(db).up();
    await seed(db, Date.now());
  } finally {
    await db.close();
  }
}
