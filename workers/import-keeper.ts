import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Store } from '../db/core/store';
import { startImport } from '../integrations/temporal/import-start';
import { type Loop, startLeasedLoop } from './loop';

const IDLE_MS = 5_000;
/** Longer than a chunk takes, and than whoever has stored a file takes to start its workflow. */
const RESTING_MS = 15_000;
const AT_ONCE = 20;

/** Starts the workflows of imports that rest: their process died before it could, or somebody terminated them. */
export function startImportKeeper(
  { feed, productImports }: Store,
  client: Client,
  taskQueue: string,
  log: Logger,
  holder: string,
): Loop {
  const round = async (): Promise<boolean> => {
    const resting = await productImports.resting(Date.now() - RESTING_MS, AT_ONCE);
    for (const { id } of resting) await startImport(client, taskQueue, id);
    return false;
  };
  return startLeasedLoop({ name: 'imports', feed, log, holder, idleMs: IDLE_MS, round });
}
