import { assertMultiProcessDatabase } from '../runtime/app-context';
import { runProcess } from '../runtime/lifecycle';
import { ALL_QUEUES, parseQueues } from '../workers/queues';
import { startSystem } from './start-system';

/**
 * Runs the API with workers. `--queues orders,…` selects task queues; other processes then serve the others and publish
 * events. The default is all queues: the complete system in one process.
 */
runProcess('system', async (context) => {
  const queues = parseQueues(process.argv.slice(2), context.config.queues.layout);
  if (queues.length < ALL_QUEUES.length) assertMultiProcessDatabase(context.config);
  await startSystem(context, { queues });
});
