import { assertMultiProcessDatabase, createAppContext } from '../runtime/app-context';
import { startHealthServer } from '../runtime/health-server';
import { runProcess } from '../runtime/lifecycle';
import {
  createDatabaseProbe,
  createReadiness,
  createTemporalProbe,
  createWorkersProbe,
} from '../runtime/readiness';
import { parseQueues } from './queues';
import { installRuntime } from './runtime';
import { startWorkers } from './start-workers';

/** Runs workers only. `--queues orders,payments,notifications` selects task queues; the default is all. */
runProcess('workers', async (life) => {
  assertMultiProcessDatabase(life.config);
  const queues = parseQueues(process.argv.slice(2), life.config.queues.layout);
  installRuntime(life.log);
  const foundation = createAppContext(life);
  // Starts in the background, so that the health port reports missing dependencies meanwhile.
  const workers = startWorkers(life, foundation, queues);
  const probes = {
    database: createDatabaseProbe(foundation.store.db),
    temporal: createTemporalProbe(foundation.temporal),
    workers: createWorkersProbe(workers.running),
  };
  await Promise.all([startHealthServer(life, createReadiness(probes, life.stopSignal)), workers.started]);
});
