import { assertShareable, layFoundation } from '../runtime/foundation';
import { serveHealth } from '../runtime/health-server';
import { runProcess } from '../runtime/lifecycle';
import { createReadiness, databaseProbe, pollerProbe, temporalProbe } from '../runtime/readiness';
import { startApi } from './start';

/** The API alone; the workers are other processes. */
runProcess('api', async (life) => {
  assertShareable(life.config);
  const foundation = layFoundation(life);
  const probes = {
    database: databaseProbe(foundation.store.db),
    temporal: temporalProbe(foundation.temporal),
    workers: pollerProbe(foundation.temporal, foundation.queues),
  };
  const readiness = createReadiness(probes, life.stopping);
  await serveHealth(life, readiness);
  await startApi(life, foundation, readiness);
});
