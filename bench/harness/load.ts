export interface LoadResult {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

/** Enough calls for the JIT to compile the hot code of the system and of the reference. */
const MIN_WARM_UP_CALLS = 200;

/** A tenth of the measured calls, and at least one for each concurrent call. */
export const countWarmUpCalls = (concurrency: number, total: number): number =>
  Math.max(concurrency, MIN_WARM_UP_CALLS, Math.ceil(total / 10));

/**
 * Runs `total` calls, `concurrency` at a time, after a warm-up that is not measured. Calls receive their number; warm-up
 * numbers are negative. @throws the first error of a call, because figures that include failures are meaningless.
 */
export async function runLoad(
  concurrency: number,
  total: number,
  call: (n: number) => Promise<unknown>,
): Promise<LoadResult> {
  await runCalls(concurrency, countWarmUpCalls(concurrency, total), (n) => call(-1 - n));
  const startedMs = performance.now();
  const times = await runCalls(concurrency, total, call);
  return summarizeLoad(times, performance.now() - startedMs);
}

export function summarizeLoad(times: readonly number[], elapsedMs: number): LoadResult {
  const sorted = times.toSorted((a, b) => a - b);
  const percentile = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return {
    perSecond: round((times.length * 1_000) / elapsedMs),
    p50Ms: round(percentile(0.5)),
    p99Ms: round(percentile(0.99)),
  };
}

async function runCalls(
  concurrency: number,
  total: number,
  call: (n: number) => Promise<unknown>,
): Promise<number[]> {
  const times: number[] = [];
  let next = 0;
  const runSequentially = async () => {
    while (next < total) {
      const n = next;
      next += 1;
      const startedMs = performance.now();
      await call(n);
      times.push(performance.now() - startedMs);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, total) }, runSequentially));
  return times;
}

const round = (value: number): number => Math.round(value * 10) / 10;
