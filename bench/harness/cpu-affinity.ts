import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

const CORE_COUNT = availableParallelism();
/** The last core. */
const GENERATOR_CORES = String(CORE_COUNT - 1);
const SERVER_CORES = CORE_COUNT === 2 ? '0' : `0-${CORE_COUNT - 2}`;
const ALL_CORES = `0-${CORE_COUNT - 1}`;

/**
 * Runs a load with this process, its generator, on a core of its own and the servers on the others.
 * @returns null as `separated` without `taskset` or a second core: the load then runs unpinned.
 */
export async function withSeparateCores<T>(
  serverPids: readonly number[],
  load: () => Promise<T>,
): Promise<T> {
  if (CORE_COUNT < 2) return load();
  const isPinned = pin(process.pid, GENERATOR_CORES);
  for (const pid of serverPids) pin(pid, SERVER_CORES);
  try {
    return await load();
  } finally {
    if (isPinned) for (const pid of [process.pid, ...serverPids]) pin(pid, ALL_CORES);
  }
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
