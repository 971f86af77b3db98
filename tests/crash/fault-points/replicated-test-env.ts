import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { connect, type Database } from '../../../db/core/connect';
import { select } from '../../../db/core/sql';
import { findFreePort } from '../../../dev/launcher/ports';
import { type Child, isUrlReachable, waitUntilReady } from '../../../dev/launcher/supervisor';
import { createTemporalClient } from '../../../integrations/temporal/connect';
import { type HttpRequest, type HttpResponse, sendRequest } from '../../harness/http/http-client';
import { getSystemScript } from '../../harness/servers/compiled-system';
import type { Dialect } from '../../harness/servers/databases';
import { getServerConfig } from '../../harness/servers/server-config';
import { System } from '../../harness/servers/system';
import { FaultPointSwitch } from './fault-point-switch';

const READY_TIMEOUT_MS = 120_000;
/** Orders must settle without reconciliation. */
const ENVIRONMENT = { RECONCILE_EVERY_SECONDS: '86400' };

/** A complete system in one process, which can be interrupted at its fault points. */
class Replica {
  readonly points: FaultPointSwitch;
  child: Child | undefined;

  constructor(
    private readonly system: System,
    private readonly dir: string,
    private readonly port: number,
  ) {
    this.points = new FaultPointSwitch(dir);
    this.points.reset();
    this.points.paymentDeadlineMs = 300_000;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const command = await getSystemScript(
      'tests/crash/fault-points/fault-point-system.js',
      this.dir,
      '--production-policy',
    );
    this.child = this.system.launchProcess({ ...ENVIRONMENT, PORT: String(this.port) }, command);
    await waitUntilReady(this.child, () => isUrlReachable(`${this.url}/readyz`), READY_TIMEOUT_MS);
  }

  /** Continues a paused process. */
  resume(): void {
    if (this.child !== undefined) process.kill(this.child.pid, 'SIGCONT');
  }

  async close(): Promise<void> {
    await this.child?.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/**
 * The system to interrupt. On MySQL two processes share its database and its task queues, so the second one takes over;
 * SQLite supports one process only.
 */
export class ReplicatedTestEnv {
  private constructor(
    readonly system: System,
    private readonly replicas: readonly [Replica, ...Replica[]],
    private readonly db: Database,
    private readonly temporal: Client,
  ) {}

  static async open(dialect: Dialect): Promise<ReplicatedTestEnv> {
    let url = '';
    const system = await System.create({
      dialect,
      databaseUrl: async (databaseUrl) => {
        url = databaseUrl;
        return databaseUrl;
      },
    });
    const createReplica = async () =>
      new Replica(system, mkdtempSync(join(tmpdir(), 'fault-points-')), await findFreePort());
    const first = await createReplica();
    const others = dialect === 'mysql' ? [await createReplica()] : [];
    const temporal = createTemporalClient({
      address: getServerConfig().temporalAddress,
      namespace: 'default',
    });
    const testEnv = new ReplicatedTestEnv(
      system,
      [first, ...others],
      connect({ url, poolSize: 2 }),
      temporal,
    );
    try {
      for (const replica of testEnv.replicas) await replica.start();
    } catch (error) {
      await testEnv.close();
      throw error;
    }
    return testEnv;
  }

  /** The process that is interrupted. */
  get interrupted(): Replica {
    return this.replicas[0];
  }

  /** The process that takes over, or the same one. */
  get other(): Replica {
    return this.replicas.at(-1) ?? this.replicas[0];
  }

  get urls(): string[] {
    return this.replicas.map(({ url }) => url);
  }

  request<T>(url: string, { headers = {}, ...request }: HttpRequest = {}): Promise<HttpResponse<T>> {
    const authorization = `Bearer ${this.system.token}`;
    return sendRequest<T>(url, { ...request, headers: { authorization, ...headers } });
  }

  getWorkflow(orderId: string): WorkflowHandle {
    return this.temporal.workflow.getHandle(orderId);
  }

  /** The order that was placed with the idempotency key. */
  async findOrderId(idempotencyKey: string): Promise<string | undefined> {
    const [row] = await select<{ id: string }>(
      this.db,
      'SELECT resource_id AS id FROM idempotency_keys WHERE idempotency_key = :idempotencyKey',
      { idempotencyKey },
    );
    return row?.id;
  }

  /** The stored status, also while the process is down. */
  async findStatus(orderId: string): Promise<string | undefined> {
    const [row] = await select<{ status: string }>(this.db, 'SELECT status FROM orders WHERE id = :orderId', {
      orderId,
    });
    return row?.status;
  }

  async countReservedUnits(): Promise<number> {
    const [row] = await select<{ n: number }>(this.db, 'SELECT SUM(reserved) AS n FROM stock');
    return Number(row?.n);
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.close()));
    await this.temporal.connection.close();
    await this.db.close();
    await this.system.close();
  }
}
