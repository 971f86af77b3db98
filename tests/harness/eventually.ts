import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 25;

/**
 * Polls `probe` until it returns something other than undefined or false.
 * @param condition noun phrase for the error: "the order to be confirmed".
 * @throws Error after `timeoutMs`, with the condition and the last result or error of `probe`.
 */
export async function eventually<T>(
  condition: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 60_000,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadlineMs)
      throw new Error(`Timed out after ${timeoutMs} ms waiting for ${condition} (last: ${String(last)})`);
    await delay(POLL_MS);
  }
}
