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
import { DEFAULT_RECONCILE_POLICY, type ReconcilePolicy } from '../../../domain/shared/policy';
import { createTemporalClient } from '../../../integrations/temporal/connect';
import { DELIVERY_WORKFLOW } from '../../../workflows/notifications/messages';
import { RECONCILE_WORKFLOW, type ReconcileInput } from '../../../workflows/reconciliation/messages';
import { eventually } from '../../harness/eventually';
import type { HttpResponse } from '../../harness/http/http-client';
import { getSystemScript } from '../../harness/servers/compiled-system';
import type { Dialect } from '../../harness/servers/databases';
import { getServerConfig } from '../../harness/servers/server-config';
import { System } from '../../harness/servers/system';
import { type FaultPoint, FaultPointSwitch } from './fault-point-switch';

/** It may die again and again on its way, as those that were hit go on. */
const READY_TIMEOUT_MS = 300_000;
const LOG_TAIL_CHARS = 3_000;
/** Longer than a stop in good order takes; then it is killed. */
const STOP_TIMEOUT_MS = 60_000;
/** More than what a kill interrupts takes to go on. */
const RECOVERY_TIMEOUT_MS = 120_000;
/** A payment can be tried again and again, whatever is killed meanwhile. */
const LONG_PAYMENT_DEADLINE_MS = 300_000;
const SHORT_PAYMENT_DEADLINE_MS = 1_500;
const ENVIRONMENT = {
  // Reconciliation is run by those who play with it.
  RECONCILE_EVERY_SECONDS: '86400',
  // Never reached, but counted: a process that begins takes its share with the first request.
  RATE_LIMIT_ADDRESS: '1000000',
};
const RECONCILE_WAIT_MS = 3_000;
/** Looks at everything at once, and again at once. */
const RECONCILE_POLICY: ReconcilePolicy = {
  ...DEFAULT_RECONCILE_POLICY,
  graceMs: 200,
  restartPauseMs: 1,
  maxRestarts: 1_000,
  recheckIntervalMs: 1,
};

export interface Crash {
  exit: ExitStatus;
  /** The last point that the process told of. */
  lastPoint: FaultPoint | undefined;
}

/** A system that is started again whenever it ends, and can be told at which point to die. */
export class FaultPointTestEnv {
  readonly points: FaultPointSwitch;
  /** Every time it ended by SIGKILL. */
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
    /** Looks at what the system stores while that is away. */
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
      databaseUrl: async (real) => {
        url = real;
        return real;
      },
    });
    const command = await getSystemScript('tests/crash/fault-points/fault-point-system.js', dir);
    return new FaultPointTestEnv(system, command, dir, connect({ url, poolSize: 1 }));
  }

  /** Waits until it serves its customers. */
  async waitUntilReady(): Promise<void> {
    try {
      await eventually(
        'the system ready',
        () => isUrlReachable(`${this.system.url}/readyz`),
        READY_TIMEOUT_MS,
      );
    } catch (error) {
      throw new Error(`it does not get ready: ${this.system.readLog().slice(-LOG_TAIL_CHARS)}`, {
        cause: error,
      });
    }
  }

  /** Waits until `probe` gives something, and begins to wait anew when the system dies meanwhile. */
  async eventually<T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> {
    for (;;) {
      const deaths = this.crashes.length;
      try {
        return await eventually(what, probe, RECOVERY_TIMEOUT_MS);
      } catch (error) {
        if (this.crashes.length === deaths) throw error;
      }
    }
  }

  /** Sends a request again until it is answered with one of the statuses: no answer is none, nor is `come back later`. */
  async retryUntilStatus<T>(
    statuses: readonly number[],
    send: () => Promise<HttpResponse<T>>,
  ): Promise<HttpResponse<T>> {
    for (;;) {
      const answer = await send().catch(() => null);
      if (answer !== null && statuses.includes(answer.status)) return answer;
      if (answer !== null && answer.status !== 503) throw new Error(`${answer.status} ${answer.text}`);
      await this.waitUntilReady();
    }
  }

  /** SIGTERM. It is started again as after any end. */
  async restart(): Promise<void> {
    await this.child?.stop(STOP_TIMEOUT_MS);
    await this.waitUntilReady();
  }

  /** Runs `place`; the orders it places may be paid for a moment only. */
  async withShortPaymentDeadline<T>(place: () => Promise<T>): Promise<T> {
    this.points.paymentDeadlineMs = SHORT_PAYMENT_DEADLINE_MS;
    try {
      return await place();
    } finally {
      this.points.paymentDeadlineMs = LONG_PAYMENT_DEADLINE_MS;
    }
  }

  /**
   * @returns what sets it right again, unless it has been set anew by then: scenarios that were hit go on while others are
   * played.
   */
  setMailServer(behaviour: Behaviour): () => void {
    this.mailServerSettings += 1;
    const setting = this.mailServerSettings;
    this.system.mails.setBehaviour(behaviour);
    return () => {
      if (setting === this.mailServerSettings) this.system.mails.setBehaviour('accept');
    };
  }

  /** Uploads of files of products that are not complete. */
  async countOpenUploads(): Promise<number> {
    const [row] = await select<{ n: number }>(
      this.db,
      "SELECT COUNT(*) AS n FROM product_imports WHERE status = 'uploading'",
    );
    return Number(row?.n);
  }

  /** Whether a mail about the order has been tried in vain. */
  async hasFailedMail(orderId: string): Promise<boolean> {
    const mails = await createNotifications(this.db).findByOrder(orderId);
    return mails.some(({ lastError }) => lastError !== null);
  }

  /** Somebody cancels all deliveries of mails in Temporal. */
  async cancelDeliveries(): Promise<void> {
    const query = `WorkflowType = "${DELIVERY_WORKFLOW}" AND ExecutionStatus = "Running" AND TaskQueue = "${this.system.taskQueuePrefix}orders"`;
    for await (const { workflowId } of this.temporal.workflow.list({ query })) {
      await this.temporal.workflow.getHandle(workflowId).cancel();
    }
  }

  /** Somebody has the order's workflow begin anew. */
  async resetWorkflow(orderId: string): Promise<void> {
    const { temporalCli, temporalAddress } = getServerConfig();
    const what = ['--workflow-id', orderId, '--type', 'FirstWorkflowTask', '--reason', 'by hand'];
    await promisify(execFile)(temporalCli, ['workflow', 'reset', ...what, '--address', temporalAddress]);
  }

  /** Somebody ends the order's workflow. */
  async terminateWorkflow(orderId: string): Promise<void> {
    await this.temporal.workflow.getHandle(orderId).terminate('by hand');
  }

  /** Reconciles again and again until `done`; a run that was hit by a kill is not waited for. */
  async reconcileUntil(
    what: string,
    policy: Partial<ReconcilePolicy>,
    done: () => Promise<boolean>,
  ): Promise<void> {
    const input: ReconcileInput = { policy: { ...RECONCILE_POLICY, ...policy } };
    await this.eventually(what, async () => {
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

  async isWorkflowRunning(orderId: string): Promise<boolean> {
    const { status } = await this.temporal.workflow.getHandle(orderId).describe();
    return status.name === 'RUNNING';
  }

  /** What is wrong with the order at present, as reconciliation has written it down. */
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

  /** What the dead process held is free after a minute at the most: here at once. */
  private async expireLeases(): Promise<void> {
    await this.db.write(async (tx) => {
      await execute(this.db, 'UPDATE leases SET expires_at_ms = 0', {}, tx);
      await execute(this.db, "UPDATE notifications SET claimed_until_ms = 0 WHERE state = 'sending'", {}, tx);
    });
  }
}
