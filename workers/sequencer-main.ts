import { assertShareable, layFoundation } from '../runtime/foundation';
import { serveHealth } from '../runtime/health-server';
import { runProcess } from '../runtime/lifecycle';
import { createReadiness, databaseProbe, temporalProbe } from '../runtime/readiness';
import { startFollowers, untilUsable } from './parts';

/** The sequencer and the subscribers of the log. Of several one works, the others take over when it is gone. */
runProcess('sequencer', async (life) => {
  assertShareable(life.config);
  const foundation = layFoundation(life);
  const probes = {
    database: databaseProbe(foundation.store.db),
    temporal: temporalProbe(foundation.temporal),
  };
  await serveHealth(life, createReadiness(probes, life.stopping));
  await untilUsable(life, foundation);
  startFollowers(life, foundation);
  life.log.info('sequencer and subscriber run');
});
