import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessContext } from './lifecycle';

const INITIAL_DELAY_MS = 250;
const MAX_DELAY_MS = 2_000;

/**
 * Retries until the attempt succeeds, because a dependency may start later than the process.
 * @param dependency for the log: 'Temporal', 'database'.
 * @throws AbortError when the process stops meanwhile.
 */
export async function retryUntilReady<T>(
  dependency: string,
  { log, stopSignal }: Pick<ProcessContext, 'log' | 'stopSignal'>,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let pauseMs = INITIAL_DELAY_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_DELAY_MS)) {
    stopSignal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ dependency, reason, pauseMs }, 'dependency unavailable, retrying');
    }
    await delay(pauseMs, undefined, { signal: stopSignal });
  }
}
