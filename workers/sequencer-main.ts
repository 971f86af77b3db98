import { assertMultiProcessDatabase, createAppContext } from '../runtime/app-context';
import { startHealthServer } from '../runtime/health-server';
import { runProcess } from '../runtime/lifecycle';
import { createDatabaseProbe, createReadiness, createTemporalProbe } from '../runtime/readiness';
import { startEventConsumers, waitForDatabase } from './start-workers';

/** Runs the sequencer and the subscribers of the log. One of several processes is active; the others stand by. */
runProcess('sequencer', async (context) => {
  assertMultiProcessDatabase(context.config);
  const app = createAppContext(context);
  const probes = {
    database: createDatabaseProbe(app.store.db),
    temporal: createTemporalProbe(app.temporal),
  };
  await startHealthServer(context, createReadiness(probes, context.stopSignal));
  await waitForDatabase(context, app);
  startEventConsumers(context, app);
  context.log.info('sequencer and subscribers are running');
});
