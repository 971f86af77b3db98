import { eventually } from '../../harness/eventually';
import type { Dialect } from '../../harness/servers/databases';
import { SCENARIOS, type Scenario } from './fault-point-scenarios';
import { type Death, FaultPointShop } from './fault-point-shop';
import type { FaultPoint } from './fault-point-switch';

/** What came of one kill. */
export interface Killed {
  /** Undefined when the system did not die. */
  death: Death | undefined;
  /** Why the scenario did not come to its end. */
  error: unknown;
}

export interface FaultPointRun {
  /** Every point that the scenarios reach when nothing is killed. */
  reached: ReadonlySet<FaultPoint>;
  killed: ReadonlyMap<FaultPoint, Killed>;
  /** Of `npm run verify`, when everything had come to its end. */
  findings: string[];
  doublePayments: unknown[];
}

/** Until the system has died at the point. */
const DEATH_TIMEOUT_MS = 60_000;
/** How long a scenario's work may go on behind its end. */
const AFTERMATH_MS = 5_000;
/** Those that were hit go on beside it, so a scenario may be spared the point that it reached when it was alone. */
const MAX_TRIES = 4;

/**
 * Plays each scenario once to see which points it reaches, then kills the system at every point in turn. A scenario that
 * was hit goes on while the next ones are played, as customers do; all of them come to their ends at last.
 */
export async function killAtEach(points: readonly FaultPoint[], dialect: Dialect): Promise<FaultPointRun> {
  const shop = await FaultPointShop.open(dialect);
  try {
    const rehearsal = await rehearse(shop);
    const killed = new Map<FaultPoint, Killed>();
    const ends: Promise<unknown>[] = [];
    for (const [point, scenarios] of spread(points, rehearsal)) {
      const kill: Killed = { death: undefined, error: undefined };
      killed.set(point, kill);
      for (const [attempt, scenario] of scenarios.entries()) {
        const { death, end } = await killAt(shop, point, scenario, attempt > 0);
        ends.push(
          end.catch((error: unknown) => {
            kill.error ??= new Error(`${scenario.name}: ${String(error)}`, { cause: error });
          }),
        );
        kill.death = death;
        if (death !== undefined) break;
      }
    }
    await Promise.all(ends);
    return {
      reached: new Set(rehearsal.reaching.keys()),
      killed,
      findings: await shop.system.verify(),
      doublePayments: await shop.system.doublePayments(),
    };
  } finally {
    await shop.close();
  }
}

interface Rehearsal {
  reaching: ReadonlyMap<FaultPoint, Scenario[]>;
  /** How long a scenario takes. */
  takesMs: ReadonlyMap<Scenario, number>;
}

/** Plays each scenario undisturbed. */
async function rehearse(shop: FaultPointShop): Promise<Rehearsal> {
  const reaching = new Map<FaultPoint, Scenario[]>();
  const takesMs = new Map<Scenario, number>();
  for (const scenario of SCENARIOS) {
    await shop.ready();
    shop.points.reset();
    const startedMs = performance.now();
    await play(shop, scenario);
    takesMs.set(scenario, performance.now() - startedMs);
    for (const point of new Set(shop.points.reached())) {
      reaching.set(point, [...(reaching.get(point) ?? []), scenario]);
    }
  }
  return { reaching, takesMs };
}

const play = (shop: FaultPointShop, { mailServer, play }: Scenario): Promise<void> =>
  play(shop, shop.setMailServer(mailServer ?? 'accept'));

/** The scenarios to try for each point that one reaches: first those that have cost the least time by then. */
function spread(points: readonly FaultPoint[], { reaching, takesMs }: Rehearsal): [FaultPoint, Scenario[]][] {
  const cost = new Map(takesMs);
  const costOf = (scenario: Scenario) => cost.get(scenario) ?? 0;
  return points.flatMap((point): [FaultPoint, Scenario[]][] => {
    const all = reaching.get(point) ?? [];
    const candidates = all.some(({ mends }) => !mends) ? all.filter(({ mends }) => !mends) : all;
    const sorted = candidates.toSorted((a, b) => costOf(a) - costOf(b));
    const [first] = sorted;
    if (first === undefined) return [];
    cost.set(first, costOf(first) + (takesMs.get(first) ?? 0));
    return [[point, Array.from({ length: MAX_TRIES }, (_, index) => sorted[index % sorted.length] ?? first)]];
  });
}

/**
 * @param anew with a process that has done nothing yet: some points are reached once in the life of one.
 * @returns when the system is back, if it died at all; `end` is that of the scenario.
 */
async function killAt(
  shop: FaultPointShop,
  point: FaultPoint,
  scenario: Scenario,
  anew: boolean,
): Promise<{ death: Death | undefined; end: Promise<void> }> {
  const deaths = shop.deaths.length;
  shop.points.reset();
  shop.points.arm(point);
  if (anew) await shop.stop();
  const end = play(shop, scenario);
  let survivedAtMs = Number.POSITIVE_INFINITY;
  const ended = () => {
    survivedAtMs = performance.now() + AFTERMATH_MS;
  };
  end.then(ended, ended);
  await eventually(
    `dead at ${point}`,
    () => shop.deaths[deaths] ?? performance.now() > survivedAtMs,
    DEATH_TIMEOUT_MS,
  ).catch(() => undefined);
  shop.points.disarm();
  await shop.ready();
  return { death: shop.deaths[deaths], end };
}
