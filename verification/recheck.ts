import { setTimeout as delay } from 'node:timers/promises';
import type { Finding } from './findings';

/** What moves while it is read may seem to disagree with itself; it is read again. */
const MAX_ATTEMPTS = 4;
const INITIAL_DELAY_MS = 500;

/**
 * Looks again at what had findings, until they are gone or have stayed.
 * @param check gives the findings of each subject, in their order.
 */
export async function recheckUntilStable<Subject>(
  { pauseMs = INITIAL_DELAY_MS }: { pauseMs?: number },
  subjects: readonly Subject[],
  check: (subjects: readonly Subject[]) => Promise<Finding[][]>,
): Promise<Finding[]> {
  let open = subjects;
  let findings = await check(open);
  for (let look = 1; look < MAX_ATTEMPTS && findings.flat().length > 0; look += 1) {
    await delay(pauseMs * 2 ** (look - 1));
    open = open.filter((_, i) => (findings[i] ?? []).length > 0);
    findings = await check(open);
  }
  return findings.flat();
}
