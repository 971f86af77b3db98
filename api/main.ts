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

/** The API process, without workers. */
runProcess('api', async (process) => {
  assertMultiProcessDatabase(process.config);
  const context = createAppContext(process);
  const probes = {
    database: createDatabaseProbe(context.store.db),
    temporal: createTemporalProbe(context.temporal),
    workers: createPollerProbe(context.temporal, context.queues),
  };
  const readiness = createReadiness(probes, process.stopSignal);
  await startHealthServer(process, readiness);
  await startApi(process, context, readiness);
});
