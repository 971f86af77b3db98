import { Client } from '@temporalio/client';
import {
  type ActivityInterceptorsFactory,
  NativeConnection,
  Worker,
  type WorkflowBundleOption,
} from '@temporalio/worker';
import {
  createNotificationActivities,
  type NotificationOptions,
} from '../activities/notifications/notifications';
import { createOrderActivities } from '../activities/orders';
import { createPaymentActivities } from '../activities/payments';
import { createImportActivities } from '../activities/product-imports';
import { createReconciliationActivities } from '../activities/reconciliation';
import { withAbortSignal } from '../db/core/abort-signal';
import type { Store } from '../db/core/store';
import type { Order } from '../domain/orders/order';
import type { PaymentProvider } from '../domain/payments/provider';
import type { Mailer } from '../integrations/smtp/mailer';
import type { TemporalConnectionOptions } from '../integrations/temporal/connect';
import { createOrderWorkflows, type OrderWorkflows } from '../integrations/temporal/order-workflows';
import type { TaskQueues } from '../workflows/shared/task-queues';
import { ALL_QUEUES, type QueueName } from './queues';

export interface WorkerDependencies {
  store: Store;
  provider: PaymentProvider;
  mailer: Mailer;
  notification: NotificationOptions;
  /** Receives each order whose placement was decided, after the commit. */
  publishDecision?: (order: Order) => void;
  /** Applied to every activity. */
  interceptors?: ActivityInterceptorsFactory[];
}

export interface RunningWorkers {
  /** Stops polling, lets tasks finish, then closes the connection. */
  stop(): Promise<void>;
  /** Rejects when a worker fails permanently. */
  readonly finished: Promise<void>;
  readonly state: () => 'running' | 'stopped';
  /** A client that can start orders eagerly on these workers; undefined unless they accept tasks of orders. */
  readonly eagerClient: () => Client | undefined;
}

/** Aborts queued statements of a local activity that timed out: its retry would run beside them. */
const abortSignalInterceptor: ActivityInterceptorsFactory = ({ info, cancellationSignal }) => ({
  inbound: {
    execute: (input, next) =>
      info.isLocal ? withAbortSignal(cancellationSignal, () => next(input)) : next(input),
  },
});

/** Workflows cached between tasks; an evicted workflow is replayed at its next task. */
const MAX_CACHED_WORKFLOWS = 250;

/**
 * An eager start needs a free slot; without one the order waits in the queue behind all later eager starts. More slots
 * than placements (MAX_PLACEMENTS) prevent that. As many pollers keep the tasks that follow a start from waiting for it.
 */
export const WORKFLOW_TASK_LIMITS = {
  maxConcurrentWorkflowTaskExecutions: 300,
  workflowTaskPollerBehavior: { type: 'simple-maximum', maximum: 60 },
} as const;

/** Runs one worker for each task queue name of `queues`. */
export async function runWorkers(
  temporal: TemporalConnectionOptions,
  bundle: WorkflowBundleOption,
  dependencies: WorkerDependencies,
  taskQueues: TaskQueues,
  queues: readonly QueueName[] = ALL_QUEUES,
): Promise<RunningWorkers> {
  const connection = await NativeConnection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: temporal.namespace });
  const activities = createActivitiesByQueue(dependencies, createOrderWorkflows(client, taskQueues.orders));
  const byTaskQueue = new Map<string, object>();
  for (const queue of queues) {
    const taskQueue = taskQueues[queue];
    byTaskQueue.set(taskQueue, { ...byTaskQueue.get(taskQueue), ...activities[queue] });
  }
  const created = await Promise.allSettled(
    [...byTaskQueue].map(([taskQueue, served]) =>
      Worker.create({
        connection,
        namespace: temporal.namespace,
        taskQueue,
        activities: served,
        interceptors: { activity: [abortSignalInterceptor, ...(dependencies.interceptors ?? [])] },
        // A separate payments queue has activities only.
        ...(taskQueue === taskQueues.orders || taskQueue === taskQueues.notifications
          ? { workflowBundle: bundle }
          : {}),
        ...WORKFLOW_TASK_LIMITS,
        maxCachedWorkflows: MAX_CACHED_WORKFLOWS,
        shutdownGraceTime: '10s',
      }),
    ),
  );
  const failed = created.find((outcome) => outcome.status === 'rejected');
  const workers = created.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  if (failed !== undefined) {
    await shutdownWorkers(workers, connection);
    throw failed.reason;
  }
  const orderWorker = workers.find(({ options }) => options.taskQueue === taskQueues.orders);
  const finished = Promise.all(workers.map((w) => w.run())).then(() => undefined);
  finished.catch(() => undefined);
  return {
    finished,
    state: () => (workers.every((w) => w.getState() === 'RUNNING') ? 'running' : 'stopped'),
    eagerClient: () => (orderWorker?.getState() === 'RUNNING' ? client : undefined),
    async stop() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await finished.catch(() => undefined);
      await connection.close();
    },
  };
}

/** A created worker holds the connection until it has run and stopped. */
async function shutdownWorkers(workers: readonly Worker[], connection: NativeConnection): Promise<void> {
  await Promise.all(
    workers.map(async (worker) => {
      const run = worker.run();
      worker.shutdown();
      await run.catch(() => undefined);
    }),
  );
  await connection.close();
}

/** All activities, by the queue they run on. */
export const createActivitiesByQueue = (
  { store, provider, mailer, notification, publishDecision }: WorkerDependencies,
  workflows: OrderWorkflows,
): Record<QueueName, object> => {
  const orders = createOrderActivities(store, publishDecision);
  return {
    orders: {
      ...orders,
      ...createReconciliationActivities(store, workflows),
      ...createImportActivities(store),
    },
    payments: createPaymentActivities(store, provider, orders.confirmOrder),
    notifications: createNotificationActivities(store, mailer, notification),
  };
};
