import type { Client } from '@temporalio/client';
import type { Database } from '../db/core/connect';
import { findPendingMigrations } from '../db/core/pending-migrations';
import { isTemporalReady, listQueuesWithoutPollers } from '../integrations/temporal/connect';
import type { TaskQueues } from '../workflows/shared/task-queues';

/** What is missing, in words for people; null when nothing is. */
export type Probe = () => Promise<string | null>;

export interface Readiness {
  status: 'ready' | 'not_ready';
  /** By the part that is looked at, whether it is there. */
  checks: Record<string, boolean>;
  /** What is missing: empty when ready. */
  missing: string[];
}

const PROBE_TIMEOUT_MS = 3_000;
/** Whoever asks within this time after a look is told what it has found: asking often must cost nobody anything. */
const RESULT_TTL_MS = 1_000;

/** Whether a process can do its work at this moment, and what it lacks. It never throws, and answers within seconds. */
export function createReadiness(
  probes: Record<string, Probe>,
  stopping: AbortSignal,
): () => Promise<Readiness> {
  const look = () =>
    Promise.all(
      Object.entries(probes).map(async ([part, probe]) => [part, await runProbe(part, probe)] as const),
    );
  /** The look under way, or the last one. */
  let latest: ReturnType<typeof look> | undefined;
  const forget = (): void => {
    latest = undefined;
  };

  return async () => {
    if (latest === undefined) {
      latest = look();
      void latest.then(() => setTimeout(forget, RESULT_TTL_MS).unref());
    }
    const found = await latest;
    const missing = found.flatMap(([, what]) => what ?? []);
    if (stopping.aborted) missing.push('the process is stopping');
    return {
      status: missing.length === 0 ? 'ready' : 'not_ready',
      checks: Object.fromEntries(found.map(([part, what]) => [part, what === null])),
      missing,
    };
  };
}

/** What is not known in time, or cannot be asked for, is missing. */
async function runProbe(part: string, probe: Probe): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(part), PROBE_TIMEOUT_MS);
  });
  const answer = await Promise.race([probe().catch(() => part), late]);
  clearTimeout(timer);
  return answer;
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

/** For those that need workers in other processes. */
export const createPollerProbe =
  (client: Client, queues: TaskQueues): Probe =>
  async () => {
    const without = await listQueuesWithoutPollers(client, queues);
    return without.length === 0 ? null : `workers of ${without.join(' and ')}`;
  };

/** For the process that has the workers. */
export const createWorkersProbe =
  (running: () => boolean): Probe =>
  async () =>
    running() ? null : 'workers';
