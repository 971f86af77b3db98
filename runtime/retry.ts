import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessContext } from './lifecycle';

const INITIAL_DELAY_MS = 250;
const MAX_DELAY_MS = 2_000;

/**
 * Tries until it succeeds: what a process stands on may come later than the process.
 * @param what is tried, for the log: 'Temporal', 'database'.
 * @throws AbortError when the process is told to stop meanwhile.
 */
export async function retryUntilReady<T>(
  what: string,
  { log, stopSignal }: Pick<ProcessContext, 'log' | 'stopSignal'>,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let pauseMs = INITIAL_DELAY_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_DELAY_MS)) {
    stopSignal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ what, reason, pauseMs }, 'not there yet; it will be tried again');
    }
    await delay(pauseMs, undefined, { signal: stopSignal });
  }
}
