import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 25;

/** Waits until `probe` gives something other than undefined or false. @throws Error saying what was waited for. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 60_000,
): Promise<T> {
  const untilMs = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > untilMs)
      throw new Error(`${what}: not after ${timeoutMs} ms (last: ${String(last)})`);
    await delay(POLL_MS);
  }
}
