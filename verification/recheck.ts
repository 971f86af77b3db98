import { setTimeout as delay } from 'node:timers/promises';
import type { Finding } from './findings';

/** A subject that changes while it is read may appear inconsistent and is read again. */
const MAX_ATTEMPTS = 4;
const INITIAL_DELAY_MS = 500;

/**
 * Repeats the check of subjects with findings until the findings disappear or persist.
 * @param check returns the findings of each subject, in the same order.
 */
export async function recheckUntilStable<Subject>(
  { pauseMs = INITIAL_DELAY_MS }: { pauseMs?: number },
  subjects: readonly Subject[],
  check: (subjects: readonly Subject[]) => Promise<Finding[][]>,
): Promise<Finding[]> {
  let remaining = subjects;
  let findings = await check(remaining);
  for (let attempt = 1; attempt < MAX_ATTEMPTS && findings.flat().length > 0; attempt += 1) {
    await delay(pauseMs * 2 ** (attempt - 1));
    remaining = remaining.filter((_, i) => (findings[i] ?? []).length > 0);
    findings = await check(remaining);
  }
  return findings.flat();
}
