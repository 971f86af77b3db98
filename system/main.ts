import { assertMultiProcessDatabase } from '../runtime/app-context';
import { runProcess } from '../runtime/lifecycle';
import { parseQueues } from '../workers/queues';
import { startSystem } from './start-system';

/**
 * Without arguments, runs the complete system in one process. With `--queues orders,…`, runs the API with workers of these
 * queues; other processes publish events and serve the other queues.
 */
runProcess('system', async (context) => {
  const args = process.argv.slice(2);
  if (args.length === 0) return startSystem(context);
  assertMultiProcessDatabase(context.config);
  const queues = parseQueues(args, context.config.queues.layout);
  await startSystem(context, { queues });
});
