import { http } from '../../harness/http/http';
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
        kills += action.parts.filter((part) => fleet.part(part).kill(action.awayMs)).length;
        break;
      case 'pause':
        pauses.push(fleet.part(action.part).pause(action.ms));
        break;
      case 'fault':
        await http(`${fleet.simulatorUrl}/_simulator/faults`, {
          body: action.fault,
          timeoutMs: FAULT_TIMEOUT_MS,
        }).catch(() => say('the simulator did not take the fault'));
    }
  };

  for (const { at, ...action } of steps) {
    await progress.until(at);
    say(`order ${at}: ${JSON.stringify(action)}`);
    await act(action);
  }
  await Promise.all(pauses);
  return kills;
}

/** A simulator that is away or paused is not waited for: the faults are to come when they are planned. */
const FAULT_TIMEOUT_MS = 1_000;
