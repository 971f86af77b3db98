import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { startApi } from '../../api/start';
import type { Database } from '../../db/core/connect';
import type { OrderPolicy } from '../../domain/shared/policy';
import { registerSearchAttributes } from '../../integrations/temporal/connect';
import { type AppContext, createAppContext } from '../../runtime/app-context';
import { startHealthServer } from '../../runtime/health-server';
import type { ProcessContext } from '../../runtime/lifecycle';
import {
  createDatabaseProbe,
  createReadiness,
  createTemporalProbe,
  createWorkersProbe,
} from '../../runtime/readiness';
import { PlacementDecisions } from '../../services/orders/placement-decisions';
import { ALL_QUEUES } from '../../workers/queues';
import { installRuntime } from '../../workers/runtime';
import { startEventConsumers, startWorkers } from '../../workers/start-workers';
import type { DeliveryPolicy } from '../../workflows/notifications/messages';

/** Optional changes of the wiring for test entries. */
export interface TestHooks {
  /** Wraps every access to SQL. */
  wrapDatabase?: (db: Database) => Database;
  /** Intercept every activity. */
  activityInterceptors?: ActivityInterceptorsFactory[];
  orderPolicy?: OrderPolicy;
  deliveryPolicy?: DeliveryPolicy;
}

/** Starts API, workers, sequencer and subscribers in one process. They stop in reverse order. */
export async function startSystem(processContext: ProcessContext, hooks: TestHooks = {}): Promise<void> {
  installRuntime(processContext.log);
  const app = createAppContext(processContext, hooks.wrapDatabase);
  await assertTemporalReachable(processContext, app);
  const decisions = new PlacementDecisions();
  const workers = startWorkers(processContext, app, ALL_QUEUES, {
    interceptors: hooks.activityInterceptors ?? [],
    publishDecision: (order) => decisions.publish(order),
  });
  const probes = {
    database: createDatabaseProbe(app.store.db),
    temporal: createTemporalProbe(app.temporal),
    workers: createWorkersProbe(workers.running),
  };
  const readiness = createReadiness(probes, processContext.stopSignal);
  await startHealthServer(processContext, readiness);
  await workers.started;
  startEventConsumers(processContext, app, hooks.deliveryPolicy);
  const { eagerClient } = workers;
  await startApi(processContext, app, readiness, { decisions, eagerClient }, hooks.orderPolicy);
}

/** Fails at once instead of retrying: this process is started interactively, and a wrong address needs an error. */
async function assertTemporalReachable({ config }: ProcessContext, { temporal }: AppContext): Promise<void> {
  const { address, namespace } = config.temporal;
  await registerSearchAttributes(temporal).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Temporal at ${address}, namespace ${namespace}, is unavailable: ${reason}`);
  });
}
