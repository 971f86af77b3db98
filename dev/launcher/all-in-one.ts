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
import { ALL_QUEUES } from '../../workers/queues';
import { installRuntime } from '../../workers/runtime';
import { startEventConsumers, startWorkers } from '../../workers/start-workers';
import type { DeliveryPolicy } from '../../workflows/notifications/messages';

/** What an entry of its own may bring to the wiring, which is otherwise the same. All may be left out. */
export interface TestHooks {
  /** Stands before the door to SQL. */
  wrapDatabase?: (db: Database) => Database;
  /** Stand around every activity. */
  activityInterceptors?: ActivityInterceptorsFactory[];
  orderPolicy?: OrderPolicy;
  deliveryPolicy?: DeliveryPolicy;
}

/** The whole system in one process: API, workers, sequencer, subscriber. What stops first is started last. */
export async function startSystem(life: ProcessContext, instruments: TestHooks = {}): Promise<void> {
  installRuntime(life.log);
  const foundation = createAppContext(life, instruments.wrapDatabase);
  await assertTemporalReachable(life, foundation);
  const workers = startWorkers(life, foundation, ALL_QUEUES, instruments.activityInterceptors);
  const probes = {
    database: createDatabaseProbe(foundation.store.db),
    temporal: createTemporalProbe(foundation.temporal),
    workers: createWorkersProbe(workers.running),
  };
  const readiness = createReadiness(probes, life.stopSignal);
  await startHealthServer(life, readiness);
  await workers.started;
  startEventConsumers(life, foundation, instruments.deliveryPolicy);
  await startApi(life, foundation, readiness, instruments.orderPolicy);
}

/** Somebody has just started this by hand: a wrong address is said at once, not waited for. */
async function assertTemporalReachable({ config }: ProcessContext, { temporal }: AppContext): Promise<void> {
  const { address, namespace } = config.temporal;
  await registerSearchAttributes(temporal).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`Temporal at ${address}, namespace ${namespace}, cannot be used: ${why}`);
  });
}
