import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { startApi } from '../../api/start';
import type { Database } from '../../db/core/connect';
import type { OrderPolicy } from '../../domain/shared/policy';
import { registerSearchAttributes } from '../../integrations/temporal/connect';
import { type Foundation, layFoundation } from '../../runtime/foundation';
import { serveHealth } from '../../runtime/health-server';
import type { Life } from '../../runtime/lifecycle';
import { createReadiness, databaseProbe, temporalProbe, workersProbe } from '../../runtime/readiness';
import { startFollowers, startWorkers } from '../../workers/parts';
import { ALL_QUEUES } from '../../workers/queues';
import { installRuntime } from '../../workers/runtime';
import type { DeliveryPolicy } from '../../workflows/messages';

/** What an entry of its own may bring to the wiring, which is otherwise the same. All may be left out. */
export interface Instruments {
  /** Stands before the door to SQL. */
  database?: (db: Database) => Database;
  /** Stand around every activity. */
  activities?: ActivityInterceptorsFactory[];
  orderPolicy?: OrderPolicy;
  deliveryPolicy?: DeliveryPolicy;
}

/** The whole system in one process: API, workers, sequencer, subscriber. What stops first is started last. */
export async function startSystem(life: Life, instruments: Instruments = {}): Promise<void> {
  installRuntime(life.log);
  const foundation = layFoundation(life, instruments.database);
  await assertTemporalAnswers(life, foundation);
  const workers = startWorkers(life, foundation, ALL_QUEUES, instruments.activities);
  const probes = {
    database: databaseProbe(foundation.store.db),
    temporal: temporalProbe(foundation.temporal),
    workers: workersProbe(workers.running),
  };
  const readiness = createReadiness(probes, life.stopping);
  await serveHealth(life, readiness);
  await workers.started;
  startFollowers(life, foundation, instruments.deliveryPolicy);
  await startApi(life, foundation, readiness, instruments.orderPolicy);
}

/** Somebody has just started this by hand: a wrong address is said at once, not waited for. */
async function assertTemporalAnswers({ config }: Life, { temporal }: Foundation): Promise<void> {
  const { address, namespace } = config.temporal;
  await registerSearchAttributes(temporal).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`Temporal at ${address}, namespace ${namespace}, cannot be used: ${why}`);
  });
}
