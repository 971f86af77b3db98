import type { Client } from '@temporalio/client';
import type { Database } from '../db/core/connect';
import { findPendingMigrations } from '../db/core/pending-migrations';
import { isTemporalReady, listQueuesWithoutPollers } from '../integrations/temporal/connect';
import type { TaskQueues } from '../workflows/shared/task-queues';

/** Returns a description of what is missing, or null when the dependency is available. */
export type Probe = () => Promise<string | null>;

export interface Readiness {
  status: 'ready' | 'not_ready';
  /** Whether each checked dependency is available. */
  checks: Record<string, boolean>;
  /** Descriptions of what is missing; empty when ready. */
  missing: string[];
}

const PROBE_TIMEOUT_MS = 3_000;
/** Results are cached for this time, so that frequent requests add no load. */
const RESULT_TTL_MS = 1_000;

/** Returns a function that checks whether the process can work. It never throws and returns within seconds. */
export function createReadiness(
  probes: Record<string, Probe>,
  stopping: AbortSignal,
): () => Promise<Readiness> {
  const runProbes = () =>
    Promise.all(
      Object.entries(probes).map(async ([part, probe]) => [part, await runProbe(part, probe)] as const),
    );
  /** The running check, or the cached result. */
  let latest: ReturnType<typeof runProbes> | undefined;
  const clearCache = (): void => {
    latest = undefined;
  };

  return async () => {
    if (latest === undefined) {
      latest = runProbes();
      void latest.then(() => setTimeout(clearCache, RESULT_TTL_MS).unref());
    }
    const results = await latest;
    const missing = results.flatMap(([, description]) => description ?? []);
    if (stopping.aborted) missing.push('the process is stopping');
    return {
      status: missing.length === 0 ? 'ready' : 'not_ready',
      checks: Object.fromEntries(results.map(([part, description]) => [part, description === null])),
      missing,
    };
  };
}

/** A probe that fails or times out counts as missing. */
async function runProbe(part: string, probe: Probe): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(part), PROBE_TIMEOUT_MS);
  });
  const result = await Promise.race([probe().catch(() => part), timeout]);
  clearTimeout(timer);
  return result;
}

export const createDatabaseProbe =
  (db: Database): Probe =>
  async () => {
    const pending = await findPendingMigrations(db);
    return pending.length === 0 ? null : `migrations pending: ${pending.join(', ')}`;
  };

export const createTemporalProbe =
  (client: Client): Probe =>
  async () =>
    (await isTemporalReady(client)) ? null : 'temporal';

/** For processes that need workers in other processes. */
export const createPollerProbe =
  (client: Client, queues: TaskQueues): Probe =>
  async () => {
    const without = await listQueuesWithoutPollers(client, queues);
    return without.length === 0 ? null : `workers of ${without.join(' and ')}`;
  };

/** For the process that runs the workers. */
export const createWorkersProbe =
  (running: () => boolean): Probe =>
  async () =>
    running() ? null : 'workers';
