import { assertMultiProcessDatabase, createAppContext } from '../runtime/app-context';
import { startHealthServer } from '../runtime/health-server';
import { runProcess } from '../runtime/lifecycle';
import {
  createDatabaseProbe,
  createPollerProbe,
  createReadiness,
  createTemporalProbe,
} from '../runtime/readiness';
import { startApi } from './start';

/** The API alone; the workers are other processes. */
runProcess('api', async (life) => {
  assertMultiProcessDatabase(life.config);
  const foundation = createAppContext(life);
  const probes = {
    database: createDatabaseProbe(foundation.store.db),
    temporal: createTemporalProbe(foundation.temporal),
    workers: createPollerProbe(foundation.temporal, foundation.queues),
  };
  const readiness = createReadiness(probes, life.stopSignal);
  await startHealthServer(life, readiness);
  await startApi(life, foundation, readiness);
});
