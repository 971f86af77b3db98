import { sendRequest } from '../../harness/http/http-client';
import type { Fleet } from './fleet';
import type { MonkeyAction, MonkeyStep } from './monkey-plan';
import type { Progress } from './progress';

/** Runs each step when its order is placed. @returns the number of killed processes. */
export async function runMonkey(
  steps: readonly MonkeyStep[],
  fleet: Fleet,
  progress: Progress,
  log: (text: string) => void,
): Promise<number> {
  let kills = 0;
  const pauses: Promise<void>[] = [];

  const run = async (action: MonkeyAction): Promise<void> => {
    switch (action.kind) {
      case 'kill':
        kills += action.parts.filter((part) => fleet.getPart(part).kill(action.downtimeMs)).length;
        break;
      case 'pause':
        pauses.push(fleet.getPart(action.part).pause(action.ms));
        break;
      case 'fault':
        await sendRequest(`${fleet.simulatorUrl}/_simulator/faults`, {
          body: action.fault,
          timeoutMs: FAULT_TIMEOUT_MS,
        }).catch(() => log('the simulator did not accept the fault'));
    }
  };

  for (const { atOrder, ...action } of steps) {
    await progress.waitForPlaced(atOrder);
    log(`order ${atOrder}: ${JSON.stringify(action)}`);
    await run(action);
  }
  await Promise.all(pauses);
  return kills;
}

/** Short: an unavailable simulator must not delay the following steps. */
const FAULT_TIMEOUT_MS = 1_000;
