import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Store } from '../db/core/store';
import { startImport } from '../integrations/temporal/start-import';
import { type Loop, startLeasedLoop } from './leased-loop';

const IDLE_MS = 5_000;
/** Longer than applying a chunk, and longer than the API takes from storing a file to starting its workflow. */
const STALLED_AFTER_MS = 15_000;
const BATCH_SIZE = 20;

/** Starts the workflows of stalled imports: the API process died before the start, or the workflow was terminated. */
export function startImportRecovery(
  { feed, productImports }: Store,
  client: Client,
  taskQueue: string,
  log: Logger,
  instanceId: string,
): Loop {
  const runOnce = async (): Promise<boolean> => {
    const stalled = await productImports.findStalled(Date.now() - STALLED_AFTER_MS, BATCH_SIZE);
    for (const { id } of stalled) await startImport(client, taskQueue, id);
    return false;
  };
  return startLeasedLoop({ name: 'imports', feed, log, instanceId, idleMs: IDLE_MS, runOnce });
}
