import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Store } from '../db/core/store';
import { startImport } from '../integrations/temporal/start-import';
import { type Loop, startLeasedLoop } from './leased-loop';

const IDLE_MS = 5_000;
/** Longer than a chunk takes, and than whoever has stored a file takes to start its workflow. */
const STALLED_AFTER_MS = 15_000;
const BATCH_SIZE = 20;

/** Starts the workflows of imports that rest: their process died before it could, or somebody terminated them. */
export function startImportRecovery(
  { feed, productImports }: Store,
  client: Client,
  taskQueue: string,
  log: Logger,
  holder: string,
): Loop {
  const round = async (): Promise<boolean> => {
    const resting = await productImports.findStalled(Date.now() - STALLED_AFTER_MS, BATCH_SIZE);
    for (const { id } of resting) await startImport(client, taskQueue, id);
    return false;
  };
  return startLeasedLoop({ name: 'imports', feed, log, instanceId: holder, idleMs: IDLE_MS, runOnce: round });
}
