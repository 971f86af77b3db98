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
  /** Stand around every activity. */
  interceptors?: ActivityInterceptorsFactory[];
}

export interface RunningWorkers {
  /** Stops polling, lets tasks finish, then closes the connection. */
  stop(): Promise<void>;
  /** Rejects when a worker fails for good. */
  readonly finished: Promise<void>;
  readonly state: () => 'running' | 'stopped';
}

/** The server or the worker has given a local activity up and will try again: what it has queued is not to run, too. */
const abortSignalInterceptor: ActivityInterceptorsFactory = ({ info, cancellationSignal }) => ({
  inbound: {
    execute: (input, next) =>
      info.isLocal ? withAbortSignal(cancellationSignal, () => next(input)) : next(input),
  },
});

/** Orders kept in memory between tasks; one that is not is replayed when something happens to it. */
const MAX_CACHED_WORKFLOWS = 250;

/** Runs workers for `queues`: one worker for each task queue, so that queues of one name share one. */
export async function runWorkers(
  temporal: TemporalConnectionOptions,
  bundle: WorkflowBundleOption,
  parts: WorkerDependencies,
  names: TaskQueues,
  queues: readonly QueueName[] = ALL_QUEUES,
): Promise<RunningWorkers> {
  const connection = await NativeConnection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: temporal.namespace });
  const activities = createActivitiesByQueue(parts, createOrderWorkflows(client, names.orders));
  const byTaskQueue = new Map<string, object>();
  for (const queue of queues) {
    byTaskQueue.set(names[queue], { ...byTaskQueue.get(names[queue]), ...activities[queue] });
  }
  const created = await Promise.allSettled(
    [...byTaskQueue].map(([taskQueue, served]) =>
      Worker.create({
        connection,
        namespace: temporal.namespace,
        taskQueue,
        activities: served,
        interceptors: { activity: [abortSignalInterceptor, ...(parts.interceptors ?? [])] },
        // A queue of payments has activities only; the others have workflows of their own.
        ...(taskQueue === names.orders || taskQueue === names.notifications
          ? { workflowBundle: bundle }
          : {}),
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
  const finished = Promise.all(workers.map((w) => w.run())).then(() => undefined);
  finished.catch(() => undefined);
  return {
    finished,
    state: () => (workers.every((w) => w.getState() === 'RUNNING') ? 'running' : 'stopped'),
    async stop() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await finished.catch(() => undefined);
      await connection.close();
    },
  };
}

/** A worker that was made holds the connection until it has run and stopped. */
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

/** All there are, by the queue they are taken from. */
export const createActivitiesByQueue = (
  { store, provider, mailer, notification }: WorkerDependencies,
  workflows: OrderWorkflows,
): Record<QueueName, object> => ({
  orders: {
    ...createOrderActivities(store),
    ...createReconciliationActivities(store, workflows),
    ...createImportActivities(store),
  },
  payments: createPaymentActivities(store, provider),
  notifications: createNotificationActivities(store, mailer, notification),
});
