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
runProcess('workers', async (context) => {
  assertMultiProcessDatabase(context.config);
  const queues = parseQueues(process.argv.slice(2), context.config.queues.layout);
  installRuntime(context.log);
  const app = createAppContext(context);
  // Starts in the background, so that the health port reports missing dependencies meanwhile.
  const workers = startWorkers(context, app, queues);
  const probes = {
    database: createDatabaseProbe(app.store.db),
    temporal: createTemporalProbe(app.temporal),
    workers: createWorkersProbe(workers.running),
  };
  await Promise.all([
    startHealthServer(context, createReadiness(probes, context.stopSignal)),
    workers.started,
  ]);
});
