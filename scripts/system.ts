import { startApi } from '../api/start';
import { layFoundation } from '../process/foundation';
import { serveHealth } from '../process/health-server';
import { type Life, runProcess } from '../process/lifecycle';
import { createReadiness, databaseProbe, temporalProbe, workersProbe } from '../process/readiness';
import { registerSearchAttributes } from '../temporal/connect';
import { startFollowers, startWorkers } from '../workers/parts';
import { ALL_QUEUES } from '../workers/queues';
import { installRuntime } from '../workers/runtime';

/** The whole system in one process: API, workers, sequencer, subscriber. What stops first is started last. */
async function start(life: Life): Promise<void> {
  installRuntime(life.log);
  const foundation = layFoundation(life);
  await assertTemporalAnswers(life, foundation);
  const workers = startWorkers(life, foundation, ALL_QUEUES);
  const probes = {
    database: databaseProbe(foundation.store.db),
    temporal: temporalProbe(foundation.temporal),
    workers: workersProbe(workers.running),
  };
  const readiness = createReadiness(probes, life.stopping);
  await serveHealth(life, readiness);
  await workers.started;
  startFollowers(life, foundation);
  await startApi(life, foundation, readiness);
}

/** Somebody has just started this by hand: a wrong address is said at once, not waited for. */
async function assertTemporalAnswers(
  { config }: Life,
  { temporal }: ReturnType<typeof layFoundation>,
): Promise<void> {
  const { address, namespace } = config.temporal;
  await registerSearchAttributes(temporal).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`Temporal at ${address}, namespace ${namespace}, cannot be used: ${why}`);
  });
}

runProcess('orders', start);
