import { sendRequest } from '../../harness/http/http-client';
import type { Fleet } from './fleet';
import type { MonkeyAction, MonkeyStep } from './monkey-plan';
import type { Progress } from './progress';

/** Does what is planned, each step when its order is placed. @returns how many processes it has killed. */
export async function runMonkey(
  steps: readonly MonkeyStep[],
  fleet: Fleet,
  progress: Progress,
  say: (text: string) => void,
): Promise<number> {
  let kills = 0;
  const pauses: Promise<void>[] = [];

  const act = async (action: MonkeyAction): Promise<void> => {
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
        }).catch(() => say('the simulator did not take the fault'));
    }
  };

  for (const { atOrder, ...action } of steps) {
    await progress.waitForPlaced(atOrder);
    say(`order ${atOrder}: ${JSON.stringify(action)}`);
    await act(action);
  }
  await Promise.all(pauses);
  return kills;
}

/** A simulator that is away or paused is not waited for: the faults are to come when they are planned. */
const FAULT_TIMEOUT_MS = 1_000;
