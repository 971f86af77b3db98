import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { startApi } from '../api/start';
import type { Database } from '../db/core/connect';
import type { OrderPolicy } from '../domain/shared/policy';
import { createAppContext } from '../runtime/app-context';
import { startHealthServer } from '../runtime/health-server';
import type { ProcessContext } from '../runtime/lifecycle';
import {
  createDatabaseProbe,
  createPollerProbe,
  createReadiness,
  createTemporalProbe,
  createWorkersProbe,
} from '../runtime/readiness';
import { PlacementDecisions } from '../services/orders/placement-decisions';
import { ALL_QUEUES, type QueueName } from '../workers/queues';
import { installRuntime } from '../workers/runtime';
import { startEventConsumers, startWorkers } from '../workers/start-workers';
import type { DeliveryPolicy } from '../workflows/notifications/messages';

export interface SystemOptions {
  /** The queues that this process serves; by default all, and sequencer and subscribers run as well. */
  queues?: readonly QueueName[] | undefined;
  /** For test entries: wraps every access to SQL. */
  wrapDatabase?: (db: Database) => Database;
  /** For test entries: intercept every activity. */
  activityInterceptors?: ActivityInterceptorsFactory[];
  orderPolicy?: OrderPolicy;
  deliveryPolicy?: DeliveryPolicy;
}

/** Starts the API and workers in one process, so that orders start eagerly on these workers. The API stops first. */
export async function startSystem(
  processContext: ProcessContext,
  {
    queues: givenQueues,
    wrapDatabase,
    activityInterceptors = [],
    orderPolicy,
    deliveryPolicy,
  }: SystemOptions = {},
): Promise<void> {
  installRuntime(processContext.log);
  const app = createAppContext(processContext, wrapDatabase);
  const decisions = new PlacementDecisions();
  const queues = givenQueues ?? ALL_QUEUES;
  const { eagerClient, running, started } = startWorkers(processContext, app, queues, {
    interceptors: activityInterceptors,
    publishDecision: (order) => decisions.publish(order),
  });
  const probes = {
    database: createDatabaseProbe(app.store.db),
    temporal: createTemporalProbe(app.temporal),
    workers: createWorkersProbe(running),
    ...(queues.length === ALL_QUEUES.length ? {} : { pollers: createPollerProbe(app.temporal, app.queues) }),
  };
  const readiness = createReadiness(probes, processContext.stopSignal);
  await startHealthServer(processContext, readiness);
  // The API serves reads while the workers wait for their dependencies.
  await Promise.all([
    startApi(processContext, app, readiness, { decisions, eagerClient }, orderPolicy),
    started,
  ]);
  if (givenQueues === undefined) startEventConsumers(processContext, app, deliveryPolicy);
}
