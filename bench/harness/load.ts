/** What came of a load: times in milliseconds. */
export interface LoadResult {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

/** As many as it takes until the code that is run most is compiled, ours and the reference's. */
const MIN_WARM_UP_CALLS = 200;

/** Calls before those that count: a tenth of them, and at least one for each that is under way at once. */
export const countWarmUpCalls = (concurrency: number, total: number): number =>
  Math.max(concurrency, MIN_WARM_UP_CALLS, Math.ceil(total / 10));

/**
 * Keeps `concurrency` calls under way until `total` are done. A warm-up comes first and is not counted.
 * @throws the first error of a call: a figure with failures in it says nothing.
 */
export async function runLoad(
  concurrency: number,
  total: number,
  call: (n: number) => Promise<unknown>,
): Promise<LoadResult> {
  await runCalls(concurrency, countWarmUpCalls(concurrency, total), call, -1);
  const startedMs = performance.now();
  const times = await runCalls(concurrency, total, call, 0);
  const seconds = (performance.now() - startedMs) / 1_000;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { perSecond: round(total / seconds), p50Ms: round(at(0.5)), p99Ms: round(at(0.99)) };
}

async function runCalls(
  concurrency: number,
  total: number,
  call: (n: number) => Promise<unknown>,
  from: number,
): Promise<number[]> {
  const times: number[] = [];
  let next = 0;
  const one = async () => {
    while (next < total) {
      const n = next;
      next += 1;
      const startedMs = performance.now();
      await call(from < 0 ? -1 - n : n);
      times.push(performance.now() - startedMs);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, total) }, one));
  return times;
}

const round = (value: number): number => Math.round(value * 10) / 10;
