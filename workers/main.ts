import { assertShareable, layFoundation } from '../runtime/foundation';
import { serveHealth } from '../runtime/health-server';
import { runProcess } from '../runtime/lifecycle';
import { createReadiness, databaseProbe, temporalProbe, workersProbe } from '../runtime/readiness';
import { startWorkers } from './parts';
import { parseQueues } from './queues';
import { installRuntime } from './runtime';

/** Workers alone: `--queues orders,payments,notifications`, any of them, or all when left out. */
runProcess('workers', async (life) => {
  assertShareable(life.config);
  const queues = parseQueues(process.argv.slice(2), life.config.queues.layout);
  installRuntime(life.log);
  const foundation = layFoundation(life);
  // It runs on its own from here, so that the health port tells meanwhile what is missing.
  const workers = startWorkers(life, foundation, queues);
  const probes = {
    database: databaseProbe(foundation.store.db),
    temporal: temporalProbe(foundation.temporal),
    workers: workersProbe(workers.running),
  };
  await Promise.all([serveHealth(life, createReadiness(probes, life.stopping)), workers.started]);
});
