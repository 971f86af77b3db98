import { setTimeout as delay } from 'node:timers/promises';
import type { Life } from './lifecycle';

const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 2_000;

/**
 * Tries until it succeeds: what a process stands on may come later than the process.
 * @param what is tried, for the log: 'Temporal', 'database'.
 * @throws AbortError when the process is told to stop meanwhile.
 */
export async function untilItWorks<T>(
  what: string,
  { log, stopping }: Pick<Life, 'log' | 'stopping'>,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    stopping.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ what, reason, pauseMs }, 'not there yet; it will be tried again');
    }
    await delay(pauseMs, undefined, { signal: stopping });
  }
}
