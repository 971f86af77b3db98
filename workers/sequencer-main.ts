import { assertMultiProcessDatabase, createAppContext } from '../runtime/app-context';
import { startHealthServer } from '../runtime/health-server';
import { runProcess } from '../runtime/lifecycle';
import { createDatabaseProbe, createReadiness, createTemporalProbe } from '../runtime/readiness';
import { startEventConsumers, waitForDatabase } from './start-workers';

/** Runs the sequencer and the subscribers of the log. One of several processes is active; the others stand by. */
runProcess('sequencer', async (life) => {
  assertMultiProcessDatabase(life.config);
  const foundation = createAppContext(life);
  const probes = {
    database: createDatabaseProbe(foundation.store.db),
    temporal: createTemporalProbe(foundation.temporal),
  };
  await startHealthServer(life, createReadiness(probes, life.stopSignal));
  await waitForDatabase(life, foundation);
  startEventConsumers(life, foundation);
  life.log.info('sequencer and subscribers are running');
});
