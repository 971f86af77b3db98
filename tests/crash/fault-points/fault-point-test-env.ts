import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Client } from '@temporalio/client';
import { ulid } from 'ulid';
import { connect, type Database } from '../../../db/core/connect';
import { execute, select } from '../../../db/core/sql';
import { createNotifications } from '../../../db/notifications/notifications';
import { createReconciliation, type ReconciliationFinding } from '../../../db/orders/reconciliation';
import {
  type Child,
  type ChildSpec,
  type ExitStatus,
  isUrlReachable,
} from '../../../dev/launcher/supervisor';
import type { Behaviour } from '../../../dev/mail-catcher/smtp';
import type { Order } from '../../../domain/orders/order';
import { DEFAULT_RECONCILE_POLICY, type ReconcilePolicy } from '../../../domain/shared/policy';
import { createTemporalClient } from '../../../integrations/temporal/connect';
import { DELIVERY_WORKFLOW } from '../../../workflows/notifications/messages';
import { getOrder } from '../../../workflows/orders/messages';
import { RECONCILE_WORKFLOW, type ReconcileInput } from '../../../workflows/reconciliation/messages';
import { eventually } from '../../harness/eventually';
import type { HttpResponse } from '../../harness/http/http-client';
import { getSystemScript } from '../../harness/servers/compiled-system';
import type { Dialect } from '../../harness/servers/databases';
import { getServerConfig } from '../../harness/servers/server-config';
import { System } from '../../harness/servers/system';
import { type FaultPoint, FaultPointSwitch } from './fault-point-switch';

/** The system may crash repeatedly while interrupted scenarios continue. */
const READY_TIMEOUT_MS = 300_000;
const LOG_TAIL_CHARS = 3_000;
/** Longer than a graceful stop takes; then the process is killed. */
const STOP_TIMEOUT_MS = 60_000;
/** Longer than interrupted work takes to resume. */
const RECOVERY_TIMEOUT_MS = 120_000;
/** Leaves time to retry a payment across several kills. */
const LONG_PAYMENT_DEADLINE_MS = 300_000;
const SHORT_PAYMENT_DEADLINE_MS = 1_500;
const ENVIRONMENT = {
  // Scenarios run reconciliation themselves.
  RECONCILE_EVERY_SECONDS: '86400',
  // Never exceeded, but counted.
  RATE_LIMIT_LOGIN: '1000000',
};
const RECONCILE_WAIT_MS = 3_000;
/** Checks every order without a delay. */
const RECONCILE_POLICY: ReconcilePolicy = {
  ...DEFAULT_RECONCILE_POLICY,
  graceMs: 200,
  restartPauseMs: 1,
  maxRestarts: 1_000,
  recheckIntervalMs: 1,
};

export interface Crash {
  exit: ExitStatus;
  /** The last point that the process recorded. */
  lastPoint: FaultPoint | undefined;
}

/** A system that restarts after every exit and can be killed at a fault point. */
export class FaultPointTestEnv {
  readonly points: FaultPointSwitch;
  /** Every exit by SIGKILL. */
  readonly crashes: Crash[] = [];
  private readonly temporal: Client;
  private child: Child | undefined;
  private closing = false;
  private mailServerSettings = 0;
  private readonly supervision: Promise<void>;

  private constructor(
    readonly system: System,
    private readonly command: Pick<ChildSpec, 'command' | 'args'>,
    private readonly dir: string,
    /** Reads stored data while the system is down. */
    private readonly db: Database,
  ) {
    this.points = new FaultPointSwitch(dir);
    this.points.reset();
    this.points.paymentDeadlineMs = LONG_PAYMENT_DEADLINE_MS;
    this.temporal = createTemporalClient({
      address: getServerConfig().temporalAddress,
      namespace: 'default',
    });
    this.supervision = this.supervise();
  }

  static async open(dialect: Dialect): Promise<FaultPointTestEnv> {
    const dir = mkdtempSync(join(tmpdir(), 'fault-points-'));
    let url = '';
    const system = await System.create({
      dialect,
      databaseUrl: async (databaseUrl) => {
        url = databaseUrl;
        return databaseUrl;
      },
    });
    const command = await getSystemScript('tests/crash/fault-points/fault-point-system.js', dir);
    return new FaultPointTestEnv(system, command, dir, connect({ url, poolSize: 1 }));
  }

  async waitUntilReady(): Promise<void> {
    try {
      await eventually(
        'the system ready',
        () => isUrlReachable(`${this.system.url}/readyz`),
        READY_TIMEOUT_MS,
      );
    } catch (error) {
      throw new Error(`the system does not become ready: ${this.system.readLog().slice(-LOG_TAIL_CHARS)}`, {
        cause: error,
      });
    }
  }

  /** Waits until `probe` returns a value; the timeout restarts after each crash. */
  async eventually<T>(description: string, probe: () => Promise<T | undefined | false>): Promise<T> {
    for (;;) {
      const crashesBefore = this.crashes.length;
      try {
        return await eventually(description, probe, RECOVERY_TIMEOUT_MS);
      } catch (error) {
        if (this.crashes.length === crashesBefore) throw error;
      }
    }
  }

  /**
   * Repeats a request without a response or with status 503 until the response has one of the statuses.
   * @throws Error for any other status.
   */
  async retryUntilStatus<T>(
    statuses: readonly number[],
    send: () => Promise<HttpResponse<T>>,
  ): Promise<HttpResponse<T>> {
    for (;;) {
      const response = await send().catch(() => null);
      if (response !== null && statuses.includes(response.status)) return response;
      if (response !== null && response.status !== 503)
        throw new Error(`${response.status} ${response.text}`);
      await this.waitUntilReady();
    }
  }

  /** Stops the process with SIGTERM and waits until its successor is ready. */
  async restart(): Promise<void> {
    await this.child?.stop(STOP_TIMEOUT_MS);
    await this.waitUntilReady();
  }

  /** Runs `place`; its orders have a short payment deadline. */
  async withShortPaymentDeadline<T>(place: () => Promise<T>): Promise<T> {
    this.points.paymentDeadlineMs = SHORT_PAYMENT_DEADLINE_MS;
    try {
      return await place();
    } finally {
      this.points.paymentDeadlineMs = LONG_PAYMENT_DEADLINE_MS;
    }
  }

  /** Runs `work` while all transactions of an activity fail. */
  async withFailingWrites(activity: string, work: () => Promise<void>): Promise<void> {
    this.points.activityWithFailingWrites = activity;
    try {
      await work();
    } finally {
      this.points.activityWithFailingWrites = '';
    }
  }

  /** @returns a function that restores the default, unless another scenario has changed the behaviour meanwhile. */
  setMailServer(behaviour: Behaviour): () => void {
    this.mailServerSettings += 1;
    const setting = this.mailServerSettings;
    this.system.mails.setBehaviour(behaviour);
    return () => {
      if (setting === this.mailServerSettings) this.system.mails.setBehaviour('accept');
    };
  }

  /** Number of incomplete product file uploads. */
  async countOpenUploads(): Promise<number> {
    const [row] = await select<{ n: number }>(
      this.db,
      "SELECT COUNT(*) AS n FROM product_imports WHERE status = 'uploading'",
    );
    return Number(row?.n);
  }

  /** Whether a delivery attempt of a mail of the order has failed. */
  async hasFailedMail(orderId: string): Promise<boolean> {
    const mails = await createNotifications(this.db).findByOrder(orderId);
    return mails.some(({ lastError }) => lastError !== null);
  }

  /** Cancels all mail delivery workflows in Temporal. */
  async cancelDeliveries(): Promise<void> {
    const query = `WorkflowType = "${DELIVERY_WORKFLOW}" AND ExecutionStatus = "Running" AND TaskQueue = "${this.system.taskQueuePrefix}orders"`;
    for await (const { workflowId } of this.temporal.workflow.list({ query })) {
      await this.temporal.workflow.getHandle(workflowId).cancel();
    }
  }

  /** Resets the workflow of the order to its first task. */
  async resetWorkflow(orderId: string): Promise<void> {
    const { temporalCli, temporalAddress } = getServerConfig();
    const args = ['--workflow-id', orderId, '--type', 'FirstWorkflowTask', '--reason', 'manual'];
    await promisify(execFile)(temporalCli, ['workflow', 'reset', ...args, '--address', temporalAddress]);
  }

  async terminateWorkflow(orderId: string): Promise<void> {
    await this.temporal.workflow.getHandle(orderId).terminate('manual');
  }

  /** Runs reconciliation repeatedly until `done`; a run interrupted by a kill is abandoned. */
  async reconcileUntil(
    description: string,
    policy: Partial<ReconcilePolicy>,
    done: () => Promise<boolean>,
  ): Promise<void> {
    const input: ReconcileInput = { policy: { ...RECONCILE_POLICY, ...policy } };
    await this.eventually(description, async () => {
      const run = await this.temporal.workflow.start(RECONCILE_WORKFLOW, {
        workflowId: `${this.system.taskQueuePrefix}reconcile-${ulid()}`,
        taskQueue: `${this.system.taskQueuePrefix}orders`,
        args: [input],
      });
      const deadline = Date.now() + RECONCILE_WAIT_MS;
      await this.temporal.withDeadline(deadline, () => run.result()).catch(() => undefined);
      return done();
    });
  }

  /** The order as its workflow knows it. */
  queryWorkflow(orderId: string): Promise<Order> {
    return this.temporal.workflow.getHandle(orderId).query(getOrder);
  }

  async isWorkflowRunning(orderId: string): Promise<boolean> {
    const { status } = await this.temporal.workflow.getHandle(orderId).describe();
    return status.name === 'RUNNING';
  }

  /** The open reconciliation finding of the order. */
  async getOpenFinding(orderId: string): Promise<ReconciliationFinding | undefined> {
    return (await createReconciliation(this.db).findOpenFindings([orderId])).get(orderId);
  }

  async close(): Promise<void> {
    this.closing = true;
    await this.child?.kill();
    await this.supervision;
    await this.temporal.connection.close();
    await this.db.close();
    await this.system.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  private async supervise(): Promise<void> {
    while (!this.closing) {
      this.child = this.system.launchProcess(ENVIRONMENT, this.command);
      const exit = await this.child.exited;
      if (this.closing) return;
      if (exit.signal === 'SIGKILL') {
        this.points.disarm();
        this.system.mails.setBehaviour('accept');
        await this.expireLeases();
        this.crashes.push({ exit, lastPoint: this.points.listReached().at(-1) });
      }
    }
  }

  /** Expires the leases and claims of the dead process immediately, instead of after at most a minute. */
  private async expireLeases(): Promise<void> {
    await this.db.write(async (tx) => {
      await execute(this.db, 'UPDATE leases SET expires_at_ms = 0', {}, tx);
      await execute(this.db, "UPDATE notifications SET claimed_until_ms = 0 WHERE state = 'sending'", {}, tx);
    });
  }
}
