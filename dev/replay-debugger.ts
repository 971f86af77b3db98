import { existsSync, readFileSync } from 'node:fs';
import { temporal } from '@temporalio/proto';
import {
  DefaultLogger,
  type ReplayWorkerOptions,
  Runtime,
  startDebugReplayer,
  Worker,
} from '@temporalio/worker';
import { loadLocalConfig } from '../config/local-config';
import { createTemporalClient } from '../integrations/temporal/connect';

type History = temporal.api.history.v1.IHistory;

const options: ReplayWorkerOptions = {
  workflowsPath: require.resolve('../workflows'),
  // `reuseV8Context` needs `preloadModules`, which the replayer cannot set.
  reuseV8Context: false,
};

/**
 * Replays one workflow with the current code, for a debugger with breakpoints in workflow code. The argument is a history
 * file or a workflow id of the development environment. Without one, Temporal's VS Code extension provides the history.
 */
async function main(source: string | undefined): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('WARN') });
  if (source === undefined) {
    startDebugReplayer(options);
    return;
  }
  const history = existsSync(source) ? readHistory(source) : await fetchHistory(source);
  await Worker.runReplayHistory(options, history, source);
  process.stdout.write(`Replayed ${source}: the code is compatible with this history.\n`);
}

/** Reads both formats: that of `temporal workflow show --output json`, and that of tests/replay/histories. */
function readHistory(file: string): unknown {
  const json = JSON.parse(readFileSync(file, 'utf8')) as { events?: { eventTime?: unknown }[] };
  if (typeof json.events?.[0]?.eventTime === 'string') return json;
  return temporal.api.history.v1.History.fromObject(json);
}

async function fetchHistory(workflowId: string): Promise<History> {
  const client = createTemporalClient(loadLocalConfig().temporal);
  try {
    return await client.workflow.getHandle(workflowId).fetchHistory();
  } finally {
    await client.connection.close();
  }
}

main(process.argv[2]).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
