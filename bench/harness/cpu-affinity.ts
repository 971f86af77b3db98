import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Reporter } from './results';

const CORE_COUNT = availableParallelism();
/** The last core. */
const GENERATOR_CORES = String(CORE_COUNT - 1);
const SERVER_CORES = CORE_COUNT === 2 ? '0' : `0-${CORE_COUNT - 2}`;
const ALL_CORES = `0-${CORE_COUNT - 1}`;

/**
 * Runs a load with this process, which generates it, on the last core, and the servers of all measurements on the others.
 * Reports the generator's share of its core: near 100 % it limits the load. Without `taskset` the load runs unpinned.
 */
export async function withSeparateCores(
  loadName: string,
  serverPids: readonly number[],
  report: Reporter,
  load: () => Promise<void>,
): Promise<void> {
  const isPinned = CORE_COUNT > 1 && pin(process.pid, GENERATOR_CORES);
  if (isPinned) for (const pid of serverPids) pin(pid, SERVER_CORES);
  const [startedMs, before] = [performance.now(), process.cpuUsage()];
  try {
    await load();
  } finally {
    if (isPinned) for (const pid of [process.pid, ...serverPids]) pin(pid, ALL_CORES);
  }
  const { user, system } = process.cpuUsage(before);
  report({
    name: `load generator of ${loadName}, ${isPinned ? 'share of its own core' : 'CPU share, NOT on its own core'}`,
    value: (user + system) / 10 / (performance.now() - startedMs),
    unit: '%',
  });
}

/** Pins all threads of a process. @returns false where `taskset` is not available. */
function pin(pid: number, cores: string): boolean {
  try {
    execFileSync('taskset', ['-acp', cores, String(pid)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
